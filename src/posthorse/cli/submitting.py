"""Submitting one message by SMTP, with the standard library as a client that knows nothing of us."""

import os
import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

from posthorse.config import Address, Config, load_config
from posthorse.config.login import first_login, password_of
from posthorse.config.setting import parse_address
from posthorse.control.node import NotDone

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where to hand in, and as whom; no user: without AUTH."""

    address: Address
    implicit_tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What to send."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    content: bytes | None
    """A whole message; None: one made of subject and text."""
    extra: Mapping[str, str]
    """Header fields on top; empty ones are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the gateway answered."""

    id: str
    """Empty: the server's reply holds no id."""
    reply: str
    refused: dict[str, str]
    """Recipients not taken, with the reply."""


def door_of(path: Path, *, server: str, user: str, password: str) -> Door:
    """What is not given is looked up in the configuration. Raises `NotDone` and `ConfigProblems`; ValueError for a
    server that is no address.
    """
    if server and (password or not user):
        return Door(address=parse_address(server), user=user, password=password)
    config = load_config(path, os.environ)
    found = next((each for each in config.listen if each.smtp or each.smtps), None)
    if not server and found is None:
        raise NotDone("the configuration has no SMTP listener; name one with --server")
    address = parse_address(server) if server or found is None else found.address
    implicit = not server and found is not None and found.smtps is not None
    if not user:
        user, password = first_login(config)
    return Door(address=address, implicit_tls=implicit, user=user, password=password or _password_of(config, user))


def submitted(door: Door, draft: Draft) -> Receipt:
    """Hand it in. Raises `NotDone` with the server's words."""
    host, port = door.address.host, door.address.port
    try:
        with _connected(door, host, port) as client:
            if door.user:
                client.login(door.user, door.password)
            return _transaction(client, draft)
    except smtplib.SMTPResponseException as error:
        raise NotDone(f"refused: {error.smtp_code} {_text(error.smtp_error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotDone(f"{door.address}: {error}") from error


def _connected(door: Door, host: str, port: int) -> smtplib.SMTP:
    """TLS wherever it is offered and the way leads off this machine."""
    context = ssl.create_default_context()
    if door.implicit_tls:
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    client.ehlo()
    if not door.address.loopback and client.has_extn("starttls"):
        client.starttls(context=context)
    return client


def _transaction(client: smtplib.SMTP, draft: Draft) -> Receipt:
    client.ehlo_or_helo_if_needed()
    content = _content(draft)
    options = ["SMTPUTF8"] if client.has_extn("smtputf8") and not _is_ascii(draft) else []
    _check(*client.mail(draft.sender, [*options, f"SIZE={len(content)}"] if client.has_extn("size") else options))
    refused = {}
    for address in draft.recipients:
        code, reply = client.rcpt(address)
        if code >= 300:
            refused[address] = f"{code} {_text(reply)}"
    if len(refused) == len(draft.recipients):
        raise NotDone(f"no recipient was taken: {'; '.join(refused.values())}")
    code, reply = client.data(content)
    _check(code, reply)
    text = _text(reply)
    found = re.search(r"\b[0-9a-f]{32}\b", text)
    return Receipt(id=found[0] if found else "", reply=f"{code} {text}", refused=refused)


def _content(draft: Draft) -> bytes:
    extra = "".join(f"{name}: {value}\r\n" for name, value in draft.extra.items() if value).encode("ascii")
    if draft.content is not None:
        return extra + draft.content
    message = EmailMessage(policy=SMTP)
    message["From"] = draft.sender
    message["To"] = ", ".join(draft.recipients)
    message["Subject"] = draft.subject
    message["Date"] = formatdate(usegmt=True)
    message.set_content(draft.text)
    return extra + message.as_bytes()


def _password_of(config: Config, user: str) -> str:
    found = next((key for key in config.access_keys if key.id == user), None)
    if found is not None:
        return password_of(found)
    if user:
        raise NotDone(f"no password for {user}: give --password, or the key in [[access_keys]]")
    return ""


def _check(code: int, reply: bytes) -> None:
    if code >= 300:
        raise NotDone(f"refused: {code} {_text(reply)}")


def _text(reply: bytes | str) -> str:
    return reply if isinstance(reply, str) else reply.decode("utf-8", "replace")


def _is_ascii(draft: Draft) -> bool:
    return all(address.isascii() for address in (draft.sender, *draft.recipients))
