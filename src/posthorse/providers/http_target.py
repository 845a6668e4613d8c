"""Where the HTTP API of a provider is, read from its base address."""

from urllib.parse import urlsplit

from posthorse.mail.ports import Target


def base_target(base: str, ca_file: str) -> Target:
    """The target of a base address such as `https://api.example.com`. Raises ValueError if it is none.

    `ca_file`: trust only this file of certificates; empty: the system's.
    """
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"not a base address: {base}")
    tls = parts.scheme == "https"
    return Target(host=parts.hostname, port=parts.port or (443 if tls else 80), tls=tls, ca_file=ca_file)
