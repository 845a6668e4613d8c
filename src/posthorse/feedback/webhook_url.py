"""Where an endpoint is: its address in the configuration, read so that it can be understood in one way only.

Promise: https, unless private places are allowed; a host that is a name, spelt as names are (an address in whatever
spelling only where private places are allowed, and then in its one usual spelling); no user, no fragment, no port of
another service. What the name leads to is checked when it is dialled, by whoever dials.

Left out: looking names up; answering redirects (nobody follows them).
"""

import ipaddress
import re
from dataclasses import dataclass

from posthorse.mail.ports import Target

MOST_CHARACTERS = 2_048
LOW_PORTS = frozenset({80, 443})
"""Of the ports below 1024, those that may be named: behind the others stand mail servers, shells and files."""

_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<path>[/?][\x21-\x7e]*)?")
_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookUrl:
    """A place that may be called."""

    target: Target
    path: str
    """Path and query."""


def read_url(text: str, *, allow_private: bool = False, ca_file: str = "") -> WebhookUrl:
    """Read an endpoint's address. Raises ValueError with the reason."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is longer than {MOST_CHARACTERS} characters")
    if not text.isascii():
        raise ValueError("has characters beyond ASCII; write an international name with xn--")
    found = _URL.fullmatch(text)
    if found is None or "\\" in text:
        raise ValueError("is not an address such as https://hooks.example.com/mail")
    if "#" in text:
        raise ValueError("has a fragment, which no server gets to see")
    tls = _is_secure(found["scheme"], allow_private=allow_private)
    host, port = _split(found["authority"], 443 if tls else 80)
    path = found["path"] or "/"
    return WebhookUrl(
        target=Target(host=_host(host, allow_private=allow_private), port=port, tls=tls, ca_file=ca_file),
        path=path if path.startswith("/") else f"/{path}",
    )


def _is_secure(scheme: str, *, allow_private: bool) -> bool:
    if scheme == "https":
        return True
    if scheme == "http" and allow_private:
        return False
    raise ValueError(f'begins with "{scheme}:"; only https is called (http too, where allow_private is set)')


def _split(authority: str, usual: int) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    if "@" in authority:
        raise ValueError("has a user name in it; who calls is proved by the signature")
    host, bracket, rest = authority.partition("]") if authority.startswith("[") else ("", "", "")
    if bracket:
        host, colon, port = host[1:], rest[:1], rest[1:]
        if colon not in ("", ":"):
            raise ValueError("has something odd behind its address")
    else:
        host, colon, port = authority.partition(":")
    if not colon:
        return host, usual
    if not _PORT.fullmatch(port) or int(port) > 65_535:
        raise ValueError(f'has "{port}" as its port')
    if int(port) < 1_024 and int(port) not in LOW_PORTS:
        raise ValueError(f"names port {port}, which belongs to another service")
    return host, int(port)


def _host(host: str, *, allow_private: bool) -> str:
    """The host in lower case. Raises ValueError."""
    host = host.lower()
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _literal(host, allow_private=allow_private)
    if not _NAME.fullmatch(host):
        raise ValueError(f'has "{host}" as its host, which is not spelt as a name')
    if not allow_private and ("." not in host or host.endswith((".localhost", ".local", ".internal"))):
        raise ValueError(f'has the private name "{host}" as its host; allow_private lets it be called')
    return host


def _literal(host: str, *, allow_private: bool) -> str:
    if not allow_private:
        raise ValueError(f'has the address "{host}" as its host; give a name (addresses only with allow_private)')
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f'has "{host}" as its host, which is no usual spelling of an address') from None
    if str(address) != host:
        raise ValueError(f'has "{host}" as its host; write it as {address}')
    return host
