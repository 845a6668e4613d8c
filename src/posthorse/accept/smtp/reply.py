"""Replies of the SMTP server, ready to be written: RFC 5321 section 4.2 with the enhanced codes of RFC 2034.

Promise: one line each (EHLO's apart), ASCII, nothing in them that the client sent. Where SES has a wording, it is
SES's, since applications match on it. Left out: when each is given (`core`).
"""

from posthorse.accept.refusal import Refused
from posthorse.mail.ids import MessageId


def line(code: int, enhanced: str, text: str) -> bytes:
    """One reply line."""
    return f"{code} {enhanced} {text}\r\n".encode("ascii", "replace")


def refused(refusal: Refused) -> bytes:
    """The reply for a refusal of admission."""
    return line(refusal.code, refusal.enhanced, refusal.text)


def receipt(message_id: MessageId) -> bytes:
    """The receipt: the message is durable and ours."""
    return b"250 2.0.0 Ok " + message_id.hex().encode() + b"\r\n"


def challenge(prompt: bytes) -> bytes:
    """Ask for the next part of an AUTH exchange; `prompt` in base64."""
    return b"334 " + prompt + b"\r\n"


def extensions(hostname: str, offered: tuple[str, ...]) -> bytes:
    """The answer to EHLO."""
    lines = (hostname, *offered)
    return "".join(
        f"250{'-' if number < len(lines) else ' '}{text}\r\n" for number, text in enumerate(lines, 1)
    ).encode()


def greeting(hostname: str) -> bytes:
    """The first line of a connection."""
    return f"220 {hostname} ESMTP Posthorse\r\n".encode()


def hello(hostname: str) -> bytes:
    """The answer to HELO."""
    return f"250 {hostname}\r\n".encode()


OK = line(250, "2.0.0", "Ok")
SENDER_OK = line(250, "2.1.0", "Ok")
RECIPIENT_OK = line(250, "2.1.5", "Ok")
START_DATA = b"354 End data with <CR><LF>.<CR><LF>\r\n"
BYE = line(221, "2.0.0", "Bye")
START_TLS = line(220, "2.0.0", "Ready to start TLS")
NOT_VERIFIED = line(252, "2.1.5", "Cannot verify, but will take mail for it")
HELP = line(214, "2.0.0", "See RFC 5321")
AUTHENTICATED = line(235, "2.7.0", "Authentication successful")

SHUTTING_DOWN = line(421, "4.3.2", "Service shutting down, try again later")
TOO_MANY_ERRORS = line(421, "4.7.0", "Too many errors")
TOO_MANY_IDLE_COMMANDS = line(421, "4.7.0", "Too many commands without mail")
TIMEOUT = line(451, "4.4.2", "Timeout waiting for data from client.")
AUTH_THROTTLED = line(454, "4.7.0", "Temporary authentication failure: too many failures, try again later")
AUTH_BROKEN = line(454, "4.7.0", "Temporary authentication failure")

UNKNOWN = line(500, "5.5.2", "Command not recognized")
LINE_TOO_LONG = line(500, "5.5.2", "Line too long")
NOT_A_LINE = line(500, "5.5.2", "A command line ends with CRLF and holds no other CR, LF or NUL")
NOT_ASCII = line(500, "5.5.2", "Command line is not ASCII")
SYNTAX = line(501, "5.5.4", "Syntax error in parameters")
NO_PARAMETERS = line(501, "5.5.4", "This command takes no parameters")
AUTH_CANCELLED = line(501, "5.7.0", "Authentication cancelled")
AUTH_NOT_BASE64 = line(501, "5.5.2", "Not valid base64")
NOT_OFFERED = line(502, "5.5.1", "Command not offered")
HELLO_FIRST = line(503, "5.5.1", "EHLO first")
MAIL_FIRST = line(503, "5.5.1", "MAIL first")
RECIPIENT_FIRST = line(503, "5.5.1", "RCPT first")
NO_RECIPIENTS = line(554, "5.5.1", "No valid recipients")
NESTED_MAIL = line(503, "5.5.1", "Sender already given")
ALREADY_AUTHENTICATED = line(503, "5.5.1", "Already authenticated")
NOT_IN_TRANSACTION = line(503, "5.5.1", "Not during a mail transaction")
ALREADY_TLS = line(503, "5.5.1", "TLS is active already")
CHUNKING_NOT_OFFERED = line(503, "5.5.1", "CHUNKING is not offered")
NOT_PIPELINED = line(503, "5.5.1", "Wait for the reply before sending more")
AFTER_STARTTLS = line(501, "5.5.1", "Nothing may follow STARTTLS before the handshake")
UNKNOWN_MECHANISM = line(504, "5.5.4", "Authentication mechanism not offered")
AUTH_INVALID = line(535, "5.7.8", "Authentication Credentials Invalid")
TLS_REQUIRED = line(538, "5.7.11", "Must issue a STARTTLS command first")
UNKNOWN_OPTION = line(555, "5.5.4", "Unsupported option")
NOT_SMTP = line(554, "5.5.1", "This is an SMTP server")
