"""The folder of a quickstart: the configuration that people start from, its secrets, and the ports it needs.

Promise: a configuration that is there is kept as it is. The simulated providers are placed where it says, and where it
names none any more, none is simulated; one that it has no `notifications` for tells nothing.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from posthorse.adapters.port_holder import any_free, holder_of, is_free
from posthorse.config.load import load_config
from posthorse.config.providers import ProviderSettings, SesSettings, SmtpSettings
from posthorse.config.setting import Address
from posthorse.config.tree import Config
from posthorse.lab.certificate import kept_rsa_key, make_signing_certificate
from posthorse.lab.sns import certificate_file, topic_arn
from posthorse.mail.ports import TlsMode

KEY_ID = "AKIAQUICKSTART000001"
REGION = "us-east-1"
LOOPBACK = "127.0.0.1"
SMTP_PORT, HTTP_PORT, CONTROL_PORT, SES_PORT, RELAY_PORT, SNS_PORT = 2525, 8025, 8027, 8028, 8029, 8030
SES_NAME, RELAY_NAME = "ses-simulated", "smtp-simulated"
LAB_FOLDER = "lab"
SES_KEY, SES_SECRET = "AKIALAB0000000000001", "lab-secret"
"""What a simulated SES expects unless it is told otherwise; they open nothing else."""

CONFIG = """\
# Made by `posthorse serve --quickstart`, which keeps it from now on: start from it. Put your own accounts in the place
# of the simulated providers; to get this file as it was, move it away and start again.
[node]
name = "localhost"

[spool]
url = "sqlite:posthorse.db"

[[listen]]
smtp = "127.0.0.1:{smtp}"

[[listen]]
http = "127.0.0.1:{http}"

[[access_keys]]
id = "{key_id}"
secret = "file:access-key-secret"

[[classify]]
match = {{ subject = "*password*" }}
stream = "urgent"

[[providers]]
name = "{ses_name}"
kind = "ses"
region = "{region}"
endpoint = "http://127.0.0.1:{ses}"
access_key_id = "{ses_key}"
secret_access_key = "file:simulated-ses-secret"

[providers.notifications]
topics = ["{topic}"]
certificate = "{lab}/{certificate}"
sns_endpoint = "http://127.0.0.1:{sns}"

[[providers]]
name = "{relay_name}"
kind = "smtp"
host = "127.0.0.1"
port = {relay}
tls = "none"

[log]
file = "posthorse.log"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that a quickstart runs on."""

    folder: Path
    path: Path
    """The configuration file."""
    config: Config
    control_port: int
    """Where the lab is told what to do; it stands in no file."""

    @property
    def lab_folder(self) -> Path:
        """Where the simulated SES keeps what it signs with."""
        return self.folder / LAB_FOLDER

    @property
    def sns_port(self) -> int | None:
        """Where the simulated SES lets the gateway subscribe; None: it tells nothing."""
        for provider in self.config.providers:
            match provider:
                case SesSettings(name=name, notifications=told) if told is not None and name in self.simulated:
                    return _loopback_port(told.sns_endpoint)
                case _:
                    continue
        return None

    @property
    def simulated(self) -> Mapping[str, int]:
        """The configured providers that the lab is to be, with their ports."""
        found = ((provider.name, _simulated_port(provider)) for provider in self.config.providers)
        return {name: port for name, port in found if port is not None}


def move_in(folder: Path, environ: Mapping[str, str], told: Callable[[str], None]) -> House:
    """Make the folder ready, or find it as it was left. `told` gets a line for whatever a person should know.

    Raises OSError, naming who has a port that the kept configuration needs, and `ConfigProblems`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "posthorse.toml"
    kept = path.exists()
    if kept:
        told(f"{path} is kept as it is; to start afresh, move {folder} away or remove it")
    else:
        _furnish(folder, path, told)
    _keep_signer(folder / LAB_FOLDER)
    house = House(
        folder=folder,
        path=path,
        config=load_config(path, environ),
        control_port=_port("the lab's control", CONTROL_PORT, told),
    )
    if kept:
        _check_ports(house)
    return house


def _furnish(folder: Path, path: Path, told: Callable[[str], None]) -> None:
    """Write the files; an address that somebody else has is told, and another is taken."""
    _keep(folder / "access-key-secret", secrets.token_urlsafe(30))
    _keep(folder / "simulated-ses-secret", SES_SECRET)
    text = CONFIG.format(
        smtp=_port("SMTP", SMTP_PORT, told),
        http=_port("HTTP", HTTP_PORT, told),
        ses=_port(SES_NAME, SES_PORT, told),
        relay=_port(RELAY_NAME, RELAY_PORT, told),
        key_id=KEY_ID,
        region=REGION,
        ses_name=SES_NAME,
        ses_key=SES_KEY,
        relay_name=RELAY_NAME,
        topic=topic_arn(SES_NAME, REGION),
        lab=LAB_FOLDER,
        certificate=certificate_file(SES_NAME),
        sns=_port(f"the SNS of {SES_NAME}", SNS_PORT, told),
    )
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _keep_signer(folder: Path) -> None:
    """The certificate that the configuration names; the lab makes it anew at each start, with the same key."""
    if not (folder / certificate_file(SES_NAME)).exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        key = kept_rsa_key(folder / f"{SES_NAME}-sns-key.pem")
        make_signing_certificate(folder, certificate_file(SES_NAME), key, time.time_ns() // 1_000)


def _port(whose: str, wanted: int, told: Callable[[str], None]) -> int:
    """The wanted port, or another one if somebody has it."""
    if is_free(LOOPBACK, wanted):
        return wanted
    other = any_free(LOOPBACK)
    told(f"{LOOPBACK}:{wanted} is taken by {holder_of(wanted)}: {whose} is at {LOOPBACK}:{other} instead")
    return other


def _check_ports(house: House) -> None:
    for address, where in _addresses(house):
        if address.port and not is_free(address.host, address.port):
            raise OSError(
                f"{address} is taken by {holder_of(address.port)}: end that, or change {where} in {house.path}"
            )


def _addresses(house: House) -> Iterator[tuple[Address, str]]:
    """What the kept configuration needs, and which setting says so."""
    for number, listener in enumerate(house.config.listen):
        yield listener.address, f"listen[{number}]"
    for name, port in house.simulated.items():
        yield Address(host=LOOPBACK, port=port), f"the address of {name}"
    if house.sns_port is not None:
        yield Address(host=LOOPBACK, port=house.sns_port), f"sns_endpoint of {SES_NAME}"


def _simulated_port(provider: ProviderSettings) -> int | None:
    """Where the lab must be this provider; None: it is somebody's real account."""
    match provider:
        case SesSettings(name=name, endpoint=endpoint) if name == SES_NAME:
            return _loopback_port(endpoint)
        case SmtpSettings(name=name, host=host, port=port, tls=tls) if name == RELAY_NAME:
            return port if host == LOOPBACK and tls is TlsMode.NONE else None
        case _:
            return None


def _loopback_port(url: str) -> int | None:
    where = urlsplit(url)
    return where.port if where.scheme == "http" and where.hostname == LOOPBACK else None


def _keep(file: Path, secret: str) -> None:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secret + "\n")
