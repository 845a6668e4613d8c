"""A whole rehearsal on this machine: a lab and a gateway as real processes in one folder, and what they answer.

Duty: write both configurations, start, kill and stop the two, and draw up the ledger from receipts kept outside.
Promise: the gateway is the same `posthorse serve` that a user starts, on SQLite; when the block is left nothing of it
runs. Left out: what is rehearsed (the demo, the scenarios).
"""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from posthorse.control.client import ask
from posthorse.control.protocol import socket_path
from posthorse.control.replies import Recipient, Reply
from posthorse.control.requests import MOST_ROWS, QueueList, Request, Which
from posthorse.lab.ledger import FaultMark, Ledger, SpoolRow, ledger
from posthorse.lab.load import LoadPlan
from posthorse.lab.load_mail import read_receipts
from posthorse.lab.load_ses import ApiPlan
from posthorse.lab.mailbox import read_arrivals
from posthorse.lab.processes import Child, NotReady, posthorse, start
from posthorse.lab.remote import LabRemote
from posthorse.lab.roster import API_KEY, HOOK_PASSWORD, SECRET_ACCESS_KEY, SERVER_TOKEN
from posthorse.mail.carriage import Carriage, Fate

R = TypeVar("R", bound=Reply)

USER, PASSWORD = "AKIAREHEARSAL0000001", "rehearsal-password"
"""Logs in by SMTP."""
SIGNER, SECRET = "AKIAREHEARSAL0000002", "rehearsal-secret"
"""Signs requests of the SES API."""
SECRETS = {
    "REHEARSAL_PASSWORD": PASSWORD,
    "REHEARSAL_SECRET": SECRET,
    "REHEARSAL_SES_SECRET": SECRET_ACCESS_KEY,
    "REHEARSAL_API_KEY": API_KEY,
    "REHEARSAL_SERVER_TOKEN": SERVER_TOKEN,
    "REHEARSAL_HOOK_PASSWORD": HOOK_PASSWORD,
}
"""What the gateway's configuration refers to: secrets are never inline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a rehearsal runs: simulated providers, best first, and what else the gateway is told."""

    providers: Sequence[tuple[str, str]] = (("first", "ses"), ("second", "smtp"), ("third", "smtp"))
    """(name, kind) of each."""
    more_config: str = ""
    """TOML added to the gateway's configuration."""
    provider_config: str = ""
    """TOML lines added to each `[[providers]]`."""
    lab_config: str = ""
    """TOML lines added to each provider of the lab's own roster, for kinds that tell what became of mail."""
    notifications: bool = False
    """Providers that can tell the gateway what became of mail do so."""


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """A lab and a gateway that run, or can be started again."""

    folder: Path
    script: Script
    said: dict[str, Any] = field(default_factory=dict)
    """The lab's ready line."""
    lab: Child | None = None
    gateway: Child | None = None
    smtp_port: int = 0
    http_port: int = 0
    starts: int = 0

    # --- the two processes ------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start the lab, then the gateway."""
        entries = "".join(self._roster_entry(name, kind) for name, kind in self.script.providers)
        roster = f'control = "127.0.0.1:0"\nmailbox_file = "{self.mailbox_file}"\nfolder = "lab"\n{entries}'
        (self.folder / "lab.toml").write_text(roster, encoding="utf-8")
        command = posthorse("lab", "serve", "--config", "lab.toml", "--json", "--until-eof")
        self.lab = await start("lab", command, self.folder)
        self.said = json.loads(await self.lab.said(lambda line: line.startswith("{")))
        await self.start_gateway()

    def _roster_entry(self, name: str, kind: str) -> str:
        more = self.script.lab_config if kind != "smtp" else ""
        return f'[[providers]]\nname = "{name}"\nkind = "{kind}"\n{more}'

    async def start_gateway(self) -> None:
        """Start the gateway, for the first time or again, at the same addresses."""
        self.starts += 1
        (self.folder / "posthorse.toml").write_text(self._gateway_config(), encoding="utf-8")
        command = posthorse("serve", "--config", "posthorse.toml", "--until-eof")
        self.gateway = await start("gateway", command, self.folder, SECRETS)
        ready = json.loads(await self.gateway.said(lambda line: '"event":"ready"' in line))
        self.smtp_port, self.http_port = _port(ready["smtp"]), _port(ready["http"])
        if self.script.notifications:
            await self._tell()

    async def _tell(self) -> None:
        """Have the lab's providers tell what became of mail. Raises `NotReady`."""
        for name in self.telling:
            url = f"http://127.0.0.1:{self.http_port}/hooks/{name}"
            stands = await asyncio.to_thread(self.remote.set_hooks, name, url=url)
            if not stands["ready"]:
                raise NotReady(f"the gateway did not confirm that {name} may tell it what became of mail")

    async def kill_gateway(self) -> None:
        """SIGKILL, as in `kill -9`."""
        assert self.gateway is not None
        await self.gateway.kill()

    async def stop_gateway(self) -> int:
        """SIGTERM; answers the exit status."""
        assert self.gateway is not None
        return await self.gateway.stop()

    async def close(self) -> None:
        """End both."""
        for child in (self.gateway, self.lab):
            if child is not None:
                await child.kill()

    # --- what they answer -------------------------------------------------------------------------------------------

    @property
    def remote(self) -> LabRemote:
        """The lab's control."""
        return LabRemote(url=self.said["control"])

    @property
    def telling(self) -> list[str]:
        """Providers that tell the gateway what became of mail."""
        rows = self.said["providers"].items() if self.script.notifications else ()
        return [name for name, row in rows if "hooks" in row]

    @property
    def spool_file(self) -> Path:
        """The gateway's spool."""
        return self.folder / "posthorse.db"

    @property
    def mailbox_file(self) -> Path:
        """Every arrival, a line of JSON each."""
        return self.folder / "mailbox.jsonl"

    @property
    def receipts_file(self) -> Path:
        """Every receipt, a line of JSON each; outside the gateway."""
        return self.folder / "receipts.jsonl"

    def load_plan(self, **particulars: Any) -> LoadPlan:
        """A load at this gateway, its receipts kept in the folder."""
        plan = LoadPlan(host="127.0.0.1", port=self.smtp_port, username=USER, password=PASSWORD, messages=1)
        return replace(plan, receipts=self.receipts_file, **particulars)

    def api_plan(self, *, with_boto3: bool, every: int = 4) -> ApiPlan:
        """What of a load goes by the SES API of this gateway."""
        url = f"http://127.0.0.1:{self.http_port}"
        return ApiPlan(url=url, access_key_id=SIGNER, secret=SECRET, every=every, with_boto3=with_boto3)

    async def ask(self, request: Request[R]) -> R:
        """Ask the running gateway by its control socket."""
        return await ask(socket_path(self.spool_file), request, "rehearsal")

    async def recipients(self) -> list[Recipient]:
        """Every recipient in the spool, newest message first; the gateway must run."""
        rows: list[Recipient] = []
        before = ""
        while True:
            page = await self.ask(QueueList(which=Which(before=before), limit=MOST_ROWS))
            rows += page.recipients
            if not page.more or not page.recipients:
                return rows
            before = page.recipients[-1].id

    async def account(self, fault: FaultMark | None = None) -> Ledger:
        """The ledger as it stands now."""
        telling = self.telling
        rows = [
            SpoolRow(
                id=row.id,
                recipient=row.address,
                carriage=Carriage(row.state),
                is_held=row.hold is not None,
                fate=Fate(row.fate),
                is_told=row.provider in telling,
            )
            for row in await self.recipients()
        ]
        receipts = read_receipts(self.receipts_file) if self.receipts_file.exists() else []
        arrivals = read_arrivals(self.mailbox_file) if self.mailbox_file.exists() else []
        return ledger(receipts, rows, arrivals, fault)

    # --- configuration ----------------------------------------------------------------------------------------------

    def _gateway_config(self) -> str:
        listeners = (
            f'[[listen]]\nsmtp = "127.0.0.1:{self.smtp_port}"\n[[listen]]\nhttp = "127.0.0.1:{self.http_port}"\n'
        )
        key = (
            f'[[access_keys]]\nid = "{USER}"\nsmtp_password = "env:REHEARSAL_PASSWORD"\n'
            f'[[access_keys]]\nid = "{SIGNER}"\nsecret = "env:REHEARSAL_SECRET"\n'
        )
        spool = f'[spool]\nurl = "sqlite:{self.spool_file.name}"\n'
        providers = "".join(self._provider_config(name, said) for name, said in self.said["providers"].items())
        text = f"{spool}{listeners}{key}{providers}{self.script.more_config}"
        tomllib.loads(text)
        return text

    def _provider_config(self, name: str, said: dict[str, Any]) -> str:
        fields = gateway_settings(said) | (notification_settings(said) if self.script.notifications else {})
        lines = "".join(f"{key} = {_toml(value)}\n" for key, value in fields.items())
        return f'[[providers]]\nname = "{name}"\nkind = "{said["kind"]}"\n{lines}{self.script.provider_config}'


def gateway_settings(said: dict[str, Any]) -> dict[str, Any]:
    """What a gateway's `[[providers]]` needs for a provider as the lab describes it."""
    match said["kind"]:
        case "ses":
            own = {key: said[key] for key in ("region", "endpoint", "access_key_id")}
            return own | {"secret_access_key": "env:REHEARSAL_SES_SECRET"}
        case "sendgrid":
            return {"endpoint": said["endpoint"], "api_key": "env:REHEARSAL_API_KEY"}
        case "postmark":
            return {"endpoint": said["endpoint"], "server_token": "env:REHEARSAL_SERVER_TOKEN"}
        case _:
            return {"host": said["host"], "port": said["port"], "tls": said["tls"]}


def notification_settings(said: dict[str, Any]) -> dict[str, Any]:
    """The same for its notifications; empty: it tells nothing."""
    hooks = said.get("hooks", {})
    match said["kind"]:
        case "ses":
            proof = {"certificate": hooks["certificate"], "sns_endpoint": hooks["sns_endpoint"]}
            return {"notifications": {"topics": [hooks["topic"]], **proof}}
        case "sendgrid":
            return {"notifications": {"public_key": hooks["public_key"]}}
        case "postmark":
            return {"notifications": {"username": hooks["username"], "password": "env:REHEARSAL_HOOK_PASSWORD"}}
        case _:
            return {}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@asynccontextmanager
async def rehearsal(folder: Path, script: Script | None = None) -> AsyncIterator[Rehearsal]:
    """A running rehearsal for the length of a block."""
    running = Rehearsal(folder=folder, script=script or Script())
    try:
        await running.open()
        yield running
    finally:
        await running.close()
