"""What becomes of mail at a simulated provider that tells of it afterwards: per recipient, and in which order.

Duty: choose a fate by the recipient's local part, as the mailbox simulator of SES does (`bounce@`, `complaint@`,
`soft@`, `ooto@`, `delayed@`, with or without a `+label`), by the lab's own list, or by the provider's list of
suppressed addresses; and say what happens in that fate. Pure. Left out: how a provider words it, and when it tells.
Source: SES developer guide, mailbox simulator.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import Enum


class LabFate(Enum):
    """What becomes of one recipient's mail."""

    DELIVERED = "delivered"
    BOUNCE = "bounce"
    """There is no such address."""
    SOFT = "soft"
    """The mailbox is full, and stays so for as long as the provider tries."""
    COMPLAINT = "complaint"
    """Delivered, and called spam."""
    OOTO = "ooto"
    """Delivered, and answered by a machine: out of the office."""
    DELAYED = "delayed"
    """Put off for a while, then delivered."""
    SUPPRESSED = "suppressed"
    """On the provider's own list: not sent."""
    DROPPED = "dropped"
    """The provider said yes and says nothing more."""

    @property
    def arrives(self) -> bool:
        """Whether the mail reaches the mailbox."""
        return self in (LabFate.DELIVERED, LabFate.COMPLAINT, LabFate.OOTO, LabFate.DELAYED)


class Tale(Enum):
    """One thing a provider may tell."""

    SENT = "sent"
    """It took the mail."""
    DELAYED = "delayed"
    DELIVERED = "delivered"
    HARD_BOUNCED = "hard_bounced"
    SOFT_BOUNCED = "soft_bounced"
    AUTO_REPLIED = "auto_replied"
    COMPLAINED = "complained"
    SUPPRESSED = "suppressed"
    """It took the mail and will not send it."""


TALES: Mapping[LabFate, tuple[Tale, ...]] = {
    LabFate.DELIVERED: (Tale.SENT, Tale.DELIVERED),
    LabFate.BOUNCE: (Tale.SENT, Tale.HARD_BOUNCED),
    LabFate.SOFT: (Tale.SENT, Tale.SOFT_BOUNCED),
    LabFate.COMPLAINT: (Tale.SENT, Tale.DELIVERED, Tale.COMPLAINED),
    LabFate.OOTO: (Tale.SENT, Tale.DELIVERED, Tale.AUTO_REPLIED),
    LabFate.DELAYED: (Tale.SENT, Tale.DELAYED, Tale.DELIVERED),
    LabFate.SUPPRESSED: (Tale.SENT, Tale.SUPPRESSED),
    LabFate.DROPPED: (Tale.SENT,),
}
"""What happens in each fate, in order."""

BARRING = (LabFate.BOUNCE, LabFate.COMPLAINT)
"""Fates after which a provider puts the address on its own list."""

BY_LOCAL_PART: Mapping[str, LabFate] = {fate.value: fate for fate in LabFate if fate is not LabFate.DROPPED} | {
    "suppressionlist": LabFate.SUPPRESSED
}
"""Local parts that ask for a fate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One message a simulated provider took, as far as it tells of it later."""

    provider: str
    message_id: str
    """The provider's."""
    sender: str
    recipients: tuple[str, ...]
    at: int
    """Microseconds UTC."""
    subject: str = ""
    header_message_id: str = ""
    """Message-ID as the recipients see it."""
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the client asked to have back with events."""
    label: str = ""
    """Postmark: the tag."""
    stream: str = ""
    """Postmark: the message stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One tale of some recipients of one mailing."""

    tale: Tale
    mailing: Mailing
    fate: LabFate
    """Of these recipients, in the end."""
    recipients: tuple[str, ...]
    at: int
    """When it happened, microseconds UTC."""


def fate_of(recipient: str, listed: Mapping[str, LabFate], suppressed: Set[str]) -> LabFate:
    """What becomes of mail to this address. `listed` and `suppressed` have addresses in lower case."""
    address = recipient.lower()
    if address in suppressed:
        return LabFate.SUPPRESSED
    if address in listed:
        return listed[address]
    return BY_LOCAL_PART.get(address.rpartition("@")[0].partition("+")[0], LabFate.DELIVERED)


def told_of(mailing: Mailing, fates: Mapping[str, LabFate]) -> list[Told]:
    """Everything that happens to a mailing, oldest first: recipients with one fate share each tale."""
    told = []
    for fate in dict.fromkeys(fates.values()):
        recipients = tuple(one for one in mailing.recipients if fates[one] is fate)
        told += [
            (step, Told(tale=tale, mailing=mailing, fate=fate, recipients=recipients, at=mailing.at + step * STEP_US))
            for step, tale in enumerate(TALES[fate])
        ]
    return [one for _, one in sorted(told, key=lambda pair: pair[0])]


STEP_US = 50_000
"""Between two things that happen to one mailing, microseconds."""
