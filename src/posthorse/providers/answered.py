"""What an answer by HTTP to a whole group means for each recipient, and its words made fit to be kept. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence

from posthorse.mail.outcome import Outcome, Rejection, Scope, Throttle
from posthorse.providers.smtp_core import readable

LONGEST_PAUSE_S = 600.0
SHORTEST_PAUSE_S = 1.0


def shared(outcome: Outcome, recipients: Sequence[tuple[int, str]], named: Collection[int]) -> Mapping[int, Outcome]:
    """One outcome for all (n, address); a refusal of addresses is one for those named only.

    The others were refused along with them: certainly not taken, but not for their own sake.
    """
    if not (isinstance(outcome, Rejection) and outcome.scope is Scope.RECIPIENT) or len(recipients) == 1:
        return {n: outcome for n, _ in recipients}
    others = Rejection(scope=Scope.CHANNEL, reply=outcome.reply)
    return {n: outcome if n in named else others for n, _ in recipients}


def named_in(text: str, recipients: Sequence[tuple[int, str]]) -> frozenset[int]:
    """Numbers of the recipients whose address stands in the text, whole and in any case."""
    lowered = text.lower()
    return frozenset(
        n
        for n, address in recipients
        if re.search(rf"(?<![\w.+@-]){re.escape(address.lower())}(?![\w@-]|\.\w)", lowered)
    )


def paused(outcome: Outcome, pause_s: float | None) -> Outcome:
    """A throttle with the pause that the provider asked for, within bounds; None: it asked for none."""
    if not isinstance(outcome, Throttle) or pause_s is None:
        return outcome
    bounded_s = min(max(pause_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
    return Throttle(scope=outcome.scope, reply=outcome.reply, retry_after_s=bounded_s)


def kept(text: object, most: int = 1_000) -> str:
    """What an answer says somewhere, as one line of at most so many characters; empty: no text."""
    return readable(text[:most].encode("utf-8", "replace")) if isinstance(text, str) else ""


def excerpt(body: bytes) -> str:
    """The beginning of an answer that says nothing where it should."""
    return readable(body[:200])
