"""What is made of what providers tell afterwards.

Left out: what their notifications prove themselves with (`notifications`).
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from posthorse.config.setting import Seconds, Setting

CONFIRM_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """What providers tell of mail after they took it."""

    confirm_within_s: Annotated[
        Seconds,
        Meta(gt=0),
        Setting(
            "Mail that a provider with `notifications` took longer ago, and of which it has not told, is listed as not "
            "confirmed.",
            'confirm_within = "10m"',
            "Shorter than providers take to tell: the list is full of mail that is well.",
        ),
    ] = CONFIRM_WITHIN_S
