"""The way in for an application that sends by the API of SES: the address it calls, and what AWS's libraries read.

Left out: where the secret comes from; what listens in truth, should the file leave the port open.
"""

import shlex
from collections.abc import Iterable, Mapping

from posthorse.config.entrance import ListenerSettings
from posthorse.web.role import Role

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Addresses that nobody can call, and what stands for them on this machine."""


def api_address(listeners: Iterable[ListenerSettings], hostname: str = "") -> str:
    """The URL of the first listener with the role `api` that another program can call; empty: there is none, or its
    port is known only once it listens.

    `hostname` stands for an address that means every one of this machine.
    """
    for listener in listeners:
        address = listener.http
        if address is not None and address.port and Role.API in listener.roles:
            host = (hostname or _EVERYWHERE[address.host]) if address.host in _EVERYWHERE else address.host
            scheme = "https" if listener.tls_certificate else "http"
            return f"{scheme}://[{host}]:{address.port}" if ":" in host else f"{scheme}://{host}:{address.port}"
    return ""


def aws_variables(*, key_id: str, secret: str, address: str, region: str) -> Mapping[str, str]:
    """What AWS's libraries and its command line read from the environment. Some read `AWS_REGION` for the region."""
    return {
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL_SES": address,
        "AWS_ENDPOINT_URL_SESV2": address,
        "AWS_DEFAULT_REGION": region,
    }


def exports(variables: Mapping[str, str]) -> list[str]:
    """The variables as lines for a shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
