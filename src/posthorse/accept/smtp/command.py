"""The parameters of MAIL and RCPT (RFC 5321 sections 3.3 and 4.1.2, RFC 4954, RFC 6152, RFC 6531, RFC 1870).

Promise: a value or `BadCommand` with the reply, in time linear in the line. Parameters of extensions that are not
offered are refused, never ignored. Left out: whether the sender or recipient is wanted (admission).
"""

import re
from dataclasses import dataclass

from posthorse.accept.address import PLAIN_MAILBOX, PLAIN_MAILBOX_BYTES, BadAddress, mailbox
from posthorse.accept.refusal import Refused, bad_recipient, bad_sender
from posthorse.accept.smtp import reply

_PATH = rb'<((?:[^<>"]|"(?:[^"\\]|\\.)*")*)>'
_MAIL = re.compile(rb"MAIL FROM: ?" + _PATH + rb"((?: [^ ]+)*) *", re.IGNORECASE | re.DOTALL)
_RECIPIENT = re.compile(rb"RCPT TO: ?" + _PATH + rb"((?: [^ ]+)*) *", re.IGNORECASE | re.DOTALL)
_COMMON_MAIL = re.compile(rb"MAIL FROM:<(" + PLAIN_MAILBOX + rb")>(?: SIZE=([0-9]{1,20}))?(?: BODY=(?:8BITMIME|7BIT))?")
_COMMON_RECIPIENT = re.compile(rb"RCPT TO:<(" + PLAIN_MAILBOX + rb")>")
"""What nearly every client sends; anything else takes the long way."""
_SIZE = re.compile(rb"[0-9]{1,20}")
"""RFC 1870 section 6.1."""
_XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_XTEXT_HEX = re.compile(rb"\+([0-9A-F]{2})")


class BadCommand(Exception):
    """The reply to a command that cannot be obeyed as it is."""

    def __init__(self, answer: bytes | Refused) -> None:
        super().__init__(answer)
        self.refused = answer if isinstance(answer, Refused) else None
        """Set if it is the mail that is not wanted, and not only the command that is wrong."""
        self.answer = reply.refused(answer) if isinstance(answer, Refused) else answer


@dataclass(slots=True)
class MailCommand:
    """What MAIL says. `sender` empty: the null sender. `size_bytes` 0: not declared."""

    sender: str
    size_bytes: int = 0
    smtputf8: bool = False


def parse_mail(line: bytes) -> MailCommand:
    """Read a MAIL command line. Raises `BadCommand`."""
    match = _COMMON_MAIL.fullmatch(line)
    if match is not None and len(match[1]) <= PLAIN_MAILBOX_BYTES:
        return MailCommand(match[1].decode("ascii"), int(match[2] or 0))
    match = _MAIL.fullmatch(line)
    if match is None:
        raise BadCommand(reply.SYNTAX)
    command = MailCommand("")
    if match[2]:
        seen: set[bytes] = set()
        for parameter in match[2].split():
            name = _parameter(command, parameter)
            if name in seen:
                raise BadCommand(reply.SYNTAX)
            seen.add(name)
    if match[1]:
        command.sender = _address(match[1], utf8=command.smtputf8, sender=True)
    return command


def parse_recipient(line: bytes, *, utf8: bool) -> str:
    """The address of a RCPT command line. Raises `BadCommand`."""
    match = _COMMON_RECIPIENT.fullmatch(line)
    if match is not None and len(match[1]) <= PLAIN_MAILBOX_BYTES:
        return match[1].decode("ascii")
    match = _RECIPIENT.fullmatch(line)
    if match is None:
        raise BadCommand(reply.SYNTAX)
    if match[2]:
        raise BadCommand(reply.UNKNOWN_OPTION)
    return _address(match[1], utf8=utf8, sender=False)


def _parameter(command: MailCommand, parameter: bytes) -> bytes:
    name, equals, value = parameter.partition(b"=")
    name = name.upper()
    match name:
        case b"SIZE" if _SIZE.fullmatch(value):
            command.size_bytes = int(value)
        case b"BODY" if value.upper() in (b"7BIT", b"8BITMIME"):
            pass  # the content itself tells whether it is 8-bit
        case b"SMTPUTF8" if not equals:
            command.smtputf8 = True
        case b"AUTH" if _harmless_xtext(value):
            pass  # RFC 4954 section 5: may be ignored as not trusted
        case b"SIZE" | b"BODY" | b"SMTPUTF8" | b"AUTH":
            raise BadCommand(reply.SYNTAX)
        case _:
            raise BadCommand(reply.UNKNOWN_OPTION)
    return name


def _harmless_xtext(value: bytes) -> bool:
    """RFC 3461 section 4: and nothing in it decodes to a control character."""
    if not value or not _XTEXT.fullmatch(value):
        return False
    return all(32 <= int(code, 16) < 127 for code in _XTEXT_HEX.findall(value))


def _address(octets: bytes, *, utf8: bool, sender: bool) -> str:
    try:
        return mailbox(octets.decode("utf-8"), utf8=utf8)
    except (BadAddress, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, BadAddress) else "the address is not UTF-8"
        raise BadCommand(bad_sender(why) if sender else bad_recipient(why)) from None
