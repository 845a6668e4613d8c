"""Whether the hosts of providers have an address, as seen from this machine now.

A name that cannot be resolved here and now is no mistake of the file, so it is a warning. Promise: all names are asked
for at once, and nobody waits longer than `PATIENCE_S` for them.
"""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from posthorse.config import (
    Config,
    PostmarkSettings,
    Problem,
    ProviderSettings,
    SendGridSettings,
    SesSettings,
    SmtpSettings,
)
from posthorse.providers import postmark, sendgrid
from posthorse.providers.ses import regional_endpoint

PATIENCE_S = 5.0


def unresolved(config: Config) -> Iterator[Problem]:
    """A warning for each provider whose host has no address."""
    hosts = {number: host for number, provider in enumerate(config.providers) if (host := host_of(provider))}
    answers = _asked(set(hosts.values()))
    for number, host in hosts.items():
        if why := answers[host]:
            yield Problem(
                path=f"providers[{number}]",
                what=f"its host {host} cannot be resolved here: {why}",
                remedy="check the name, and the name servers of this machine",
            )


def host_of(provider: ProviderSettings) -> str:
    """The name that must be resolved for this provider; empty: none."""
    match provider:
        case SmtpSettings(host=host):
            return "" if _is_address(host) else host
        case SesSettings(endpoint=endpoint, region=region):
            return _host_in(endpoint or regional_endpoint(region))
        case SendGridSettings(endpoint=endpoint):
            return _host_in(endpoint or sendgrid.ENDPOINT)
        case PostmarkSettings(endpoint=endpoint):
            return _host_in(endpoint or postmark.ENDPOINT)
        case _:
            return ""


def _host_in(base: str) -> str:
    host = urlsplit(base).hostname or ""
    return "" if _is_address(host) else host


def _asked(hosts: set[str]) -> dict[str, str]:
    """Why each has no address; empty text: it has one. The threads of names that hang end with the process."""
    answers: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    for host in hosts:
        threading.Thread(target=lambda name=host: answers.put((name, _why_not(name))), daemon=True).start()
    found = dict.fromkeys(hosts, f"no answer within {PATIENCE_S:g} s")
    deadline_s = time.monotonic() + PATIENCE_S
    for _ in hosts:
        try:
            host, why = answers.get(timeout=max(0.0, deadline_s - time.monotonic()))
        except queue.Empty:
            break
        found[host] = why
    return found


def _why_not(host: str) -> str:
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
