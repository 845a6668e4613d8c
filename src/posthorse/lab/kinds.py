"""What each kind of simulated provider is made of: its wire, its way of telling, and how it is described.

Duty: from one entry of the roster, the protocol for a listener, the shape of its notifications, and the words that a
gateway's configuration needs. Left out: opening anything (`posthorse.lab.serve`).
"""

import random
import ssl
from asyncio import Protocol
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posthorse.lab.certificate import kept_ec_key
from posthorse.lab.hook_shape import HookShape
from posthorse.lab.postmark_events import PostmarkHook
from posthorse.lab.postmark_provider import PostmarkTerms, postmark_factory
from posthorse.lab.roster import Entry
from posthorse.lab.sendgrid_events import SendgridHook
from posthorse.lab.sendgrid_provider import SendgridTerms, sendgrid_factory
from posthorse.lab.ses_provider import SesTerms, ses_factory
from posthorse.lab.simulated import SimulatedProvider
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.lab.sns import SnsTopic


def factory(entry: Entry, provider: SimulatedProvider, tls: ssl.SSLContext | None) -> Callable[[], Protocol]:
    """The protocol of each new connection."""
    verified = frozenset(domain.lower() for domain in entry.verified)
    match entry.kind:
        case "ses":
            keys = {entry.access_key_id: entry.secret_access_key} if entry.access_key_id else {}
            return ses_factory(provider, SesTerms(keys=keys, region=entry.region, verified=verified))
        case "sendgrid":
            return sendgrid_factory(provider, SendgridTerms(api_key=entry.api_key, verified=verified))
        case "postmark":
            return postmark_factory(provider, PostmarkTerms(server_token=entry.server_token, verified=verified))
        case "smtp":
            starttls = tls if entry.tls == "starttls" else None
            terms = SmtpTerms(
                username=entry.username, password=entry.password, tls=starttls, demands_tls=starttls is not None
            )
            return smtp_factory(provider, terms)


def hook_shape(entry: Entry, folder: Callable[[], Path], now: Callable[[], int]) -> HookShape | None:
    """How it tells what became of mail; None: it does not. `folder`: where keys and certificates lie."""
    dice = random.Random()
    match entry.kind:
        case "ses":
            return SnsTopic(name=entry.name, region=entry.region, folder=folder(), dice=dice, now=now)
        case "sendgrid":
            return SendgridHook(dice=dice, now=now, key=kept_ec_key(folder() / f"{entry.name}-events-key.pem"))
        case "postmark":
            return PostmarkHook(username=entry.hook_user, password=entry.hook_password, dice=dice)
        case "smtp":
            return None


def described(entry: Entry, host: str, port: int) -> dict[str, Any]:
    """Where it is, and with what it is entered."""
    where: dict[str, Any] = {"kind": entry.kind, "host": host, "port": port, "tls": entry.tls}
    endpoint = {"endpoint": f"{'http' if entry.tls == 'none' else 'https'}://{host}:{port}"}
    match entry.kind:
        case "ses":
            secret = {"access_key_id": entry.access_key_id, "secret_access_key": entry.secret_access_key}
            return where | endpoint | {"region": entry.region} | secret
        case "sendgrid":
            return where | endpoint | {"api_key": entry.api_key}
        case "postmark":
            return where | endpoint | {"server_token": entry.server_token}
        case "smtp":
            return where | {"username": entry.username, "password": entry.password}


def described_hook(shape: HookShape | None, sns_endpoint: str) -> dict[str, Any]:
    """What the other side needs to take its notifications for genuine."""
    match shape:
        case SnsTopic():
            return {"topic": shape.arn, "certificate": str(shape.certificate), "sns_endpoint": sns_endpoint}
        case SendgridHook():
            return {"public_key": shape.public_key}
        case PostmarkHook():
            return {"username": shape.username, "password": shape.password}
        case _:
            return {}
