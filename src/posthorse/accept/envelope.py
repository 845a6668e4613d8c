"""The envelope of a submission, put in order: nobody twice, and SMTPUTF8 only where it is needed."""

from posthorse.mail.address_key import address_key
from posthorse.mail.message import Submission


def distinct(recipients: tuple[str, ...]) -> tuple[str, ...]:
    """Each mailbox once, in its first spelling; what is one mailbox says `address_key`."""
    if len(recipients) < 2:
        return recipients
    first: dict[str, str] = {}
    for address in recipients:
        first.setdefault(address_key(address), address)
    return tuple(first.values())


def needs_smtputf8(submission: Submission) -> bool:
    """Whether an address or the header block really is internationalised (RFC 6531 section 3.7.1): some clients always
    declare it, and fewer ways out would be open.
    """
    if not all(address.isascii() for address in (submission.sender, *submission.recipients)):
        return True
    return not submission.content[: submission.content.find(b"\r\n\r\n")].isascii()
