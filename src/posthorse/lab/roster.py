"""Which simulated providers a lab runs, and where: the lab's own small configuration.

Duty: read `lab.toml` or the short forms of the command line into one frozen value. Promise: an unknown key, a name
given twice or a bad address is a `RosterWrong` that says what to change. Left out: the gateway's configuration;
credentials here are those of simulated accounts and no secrets.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from posthorse.config.units import parse_duration
from posthorse.lab.fates import LabFate
from posthorse.lab.hooks import HookSetting

CONTROL = "127.0.0.1:8027"
"""Where `posthorse lab` finds a running lab, unless told otherwise."""

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIALAB0000000000001", "lab-secret"
API_KEY, SERVER_TOKEN = "SG.lab-key", "lab-server-token"
HOOK_USER, HOOK_PASSWORD = "postmark", "lab-hook-password"
"""Of simulated accounts; no secrets."""

Kind = Literal["ses", "sendgrid", "postmark", "smtp"]


class RosterWrong(Exception):
    """What is wrong in the lab's configuration, for a person."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated provider."""

    name: str
    kind: Kind
    listen: str = "127.0.0.1:0"
    latency: str = "0ms"
    """Every answer comes so much later."""
    tls: Literal["none", "starttls", "implicit"] = "none"
    username: str = ""
    """SMTP: with it AUTH is demanded."""
    password: str = ""
    access_key_id: str = ACCESS_KEY_ID
    """SES: the one key that is known; empty: signatures are not looked at."""
    secret_access_key: str = SECRET_ACCESS_KEY
    region: str = "us-east-1"
    api_key: str = API_KEY
    """SendGrid: the one key that is known; empty: keys are not looked at."""
    server_token: str = SERVER_TOKEN
    """Postmark: the one token that is known; empty: tokens are not looked at."""
    verified: tuple[str, ...] = ()
    """HTTP APIs: sending domains that may send; empty: all."""
    hooks: str = ""
    """HTTP APIs: the URL that is told what becomes of mail; empty: nobody is told, until somebody asks for it."""
    hook_user: str = HOOK_USER
    """Postmark: with this name and password notifications prove themselves."""
    hook_password: str = HOOK_PASSWORD
    suppressed: tuple[str, ...] = ()
    """HTTP APIs: addresses on the provider's own list from the beginning."""
    fates: dict[str, str] = {}
    """HTTP APIs: by recipient, what becomes of its mail (`bounce`, `soft`, `complaint`, `ooto`, `delayed`)."""
    keep: int = 2_000
    """How many messages are remembered with their bytes."""
    scripts: dict[str, tuple[str, ...]] = {}
    """By recipient: the replies to its successive attempts."""

    @property
    def latency_s(self) -> float:
        """`latency` in seconds."""
        return parse_duration(self.latency)


class Roster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole lab."""

    providers: tuple[Entry, ...] = ()
    control: str = CONTROL
    mailbox_file: str = ""
    """Each arrival is appended here as a line of JSON; empty: in memory only."""
    folder: str = ""
    """Where the lab's certificates go (for TLS, for signed notifications) and the key that signs notifications is kept;
    empty: a temporary folder."""
    sns: str = "127.0.0.1:0"
    """Where the simulated SNS lets subscriptions be confirmed."""


def read_roster(file: Path) -> Roster:
    """The lab in a TOML file. Raises `RosterWrong`."""
    try:
        return checked(msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Roster))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise RosterWrong(f"{file}: {error}") from error


def short_entry(kind: Kind, text: str, latency: str = "0ms") -> Entry:
    """A provider from `NAME:PORT`. Raises `RosterWrong`."""
    name, _, port = text.rpartition(":")
    if not name or not port.isdigit():
        raise RosterWrong(f"--{kind} {text}: give NAME:PORT, such as {kind}-a:0 for any free port")
    return Entry(name=name, kind=kind, listen=f"127.0.0.1:{port}", latency=latency)


def checked(roster: Roster) -> Roster:
    """The same roster. Raises `RosterWrong` unless a lab can run it."""
    names = [entry.name for entry in roster.providers]
    if not names:
        raise RosterWrong(
            "no provider is named: give [[providers]] in the file, or --ses NAME:PORT, --sendgrid, --postmark or --smtp"
        )
    if twice := {name for name in names if names.count(name) > 1}:
        raise RosterWrong(f"a provider's name is given twice: {', '.join(sorted(twice))}")
    for address in (roster.control, roster.sns, *(entry.listen for entry in roster.providers)):
        parse_address(address)
    for entry in roster.providers:
        try:
            _ = entry.latency_s
        except ValueError as error:
            raise RosterWrong(f"{entry.name}: latency {entry.latency!r} {error}") from error
        try:
            HookSetting(url=entry.hooks)
        except ValueError as error:
            raise RosterWrong(f"{entry.name}: hooks {error}") from error
        if unknown := set(entry.fates.values()) - {fate.value for fate in LabFate}:
            raise RosterWrong(f"{entry.name}: no fate is called {', '.join(sorted(unknown))}")
    return roster


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or a bare port on loopback. Raises `RosterWrong`."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise RosterWrong(f"{text!r} is no address: give HOST:PORT, such as 127.0.0.1:0 for any free port")
    return host.strip("[]") or "127.0.0.1", int(port)


def with_providers(roster: Roster, entries: Sequence[Entry]) -> Roster:
    """The roster with more providers. Raises `RosterWrong`."""
    return checked(msgspec.structs.replace(roster, providers=(*roster.providers, *entries)))
