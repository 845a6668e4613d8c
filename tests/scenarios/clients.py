"""Clients that nobody here wrote, as processes against a running gateway: how they are started and what they answer.

Promise: nothing of this machine's own AWS or Node configuration reaches them, and every one ends in time. One process
runs many calls, since starting it costs most. Left out: what the calls are and what must come of them (the tests).
"""

import asyncio
import base64
import email
import email.policy
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

from botocore import xform_name

from posthorse.lab.mailbox import Arrival
from posthorse.lab.rehearsal import Rehearsal, Script, rehearsal

T = TypeVar("T")

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
TOP = CLIENTS.parent.parent
LIMIT_S = 60.0
"""No client may take longer for all of its calls."""

KEY, SECRET = "AKIASHOP000000000001", "shop/secret+key"
SMTP_USER, SMTP_PASSWORD = "AKIAREHEARSAL0000001", "rehearsal-password"
REGION = "us-east-1"

ACCESS_KEY = f'[[access_keys]]\nid = "{KEY}"\nsecret = "file:shop-secret"\n'
DOMAIN = '[[domains]]\nname = "example.com"\n'
"""What the gateway of these stories knows beside what every rehearsal does; mail may come from example.com only."""

_CLI_ERROR = re.compile(
    r"An error occurred \((\S+)\) when calling the \S+ operation(?: \(reached max retries: (\d+)\))?: (.*)"
)

Call = Mapping[str, Any]
"""`service` (ses, sesv2), `operation` as the API names it, `input`; for boto3 also `retries`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a client made of one call."""

    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    """Class of the exception, as the application can catch it; empty: it succeeded."""
    code: str = ""
    text: str = ""
    status: int = 0
    """Of HTTP; 0: there was none."""
    request_id: str = ""
    attempts: int = 0
    """As the client counts them; 0: it does not say."""

    @property
    def receipt(self) -> str:
        """The message id; a failure shows what was said instead."""
        assert not self.error, self
        return str(self.answer["MessageId"])


class Shop:
    """An application's surroundings: a gateway, the lab behind it, and clients that are told where it is."""

    def __init__(self, running: Rehearsal) -> None:
        self.running = running
        self._receipts: set[str] = set()

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.running.http_port}"

    # --- the clients ------------------------------------------------------------------------------------------------

    def environ(self, url: str = "") -> dict[str, str]:
        """What a client's process finds; `url`: another way to the gateway."""
        url = url or self.url
        nothing = self.running.folder / "nothing"
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.running.folder / "home"),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_SES": url,
            "AWS_ENDPOINT_URL_SESV2": url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(nothing),
            "AWS_SHARED_CREDENTIALS_FILE": str(nothing),
            "NODE_NO_WARNINGS": "1",
            "PYTHONWARNINGS": "ignore",
        }

    async def boto3(self, calls: Sequence[Call], url: str = "") -> list[Said]:
        """The calls by boto3, in one process."""
        return await self._script([sys.executable, str(CLIENTS / "python/calls.py")], list(calls), url)

    async def javascript(self, calls: Sequence[Call], url: str = "") -> list[Said]:
        """The calls by the AWS SDK for JavaScript, in one process."""
        return await self._script(["node", str(CLIENTS / "node/calls.mjs")], list(calls), url)

    async def nodemailer(self, orders: Sequence[Mapping[str, Any]], url: str = "", **options: Any) -> list[Said]:
        """Mails, or requests to verify, by Nodemailer's two transports."""
        smtp = {
            "host": "127.0.0.1", "port": self.running.smtp_port, "secure": False, "ignoreTLS": True,
            "auth": {"user": SMTP_USER, "pass": SMTP_PASSWORD},
        }  # fmt: skip
        asked = {"smtp": smtp, "orders": list(orders), **options}
        return await self._script(["node", str(CLIENTS / "node/mails.mjs")], asked, url)

    async def django(
        self, settings: Mapping[str, Any], mails: Sequence[Mapping[str, Any]], url: str = ""
    ) -> list[Said]:
        """Mails by a backend of Django, all in one process."""
        asked = {"settings": settings, "mails": list(mails)}
        return await self._script([sys.executable, str(CLIENTS / "python/django_mails.py")], asked, url)

    async def aws(self, calls: Sequence[Call], url: str = "") -> list[Said]:
        """The calls by the AWS command line, a process each; what is bytes must be text here."""
        at_once = asyncio.Semaphore(2)

        async def one(call: Call) -> Said:
            async with at_once:
                return await self._aws(call, url)

        return list(await asyncio.gather(*(one(call) for call in calls)))

    async def _aws(self, call: Call, url: str) -> Said:
        asked = json.dumps(call["input"], default=lambda raw: raw.decode())  # it makes base64 of it by itself
        words = (call["service"], xform_name(call["operation"], "-"), "--cli-input-json", asked)
        more = {"AWS_ACCESS_KEY_ID": call.get("key"), "AWS_SECRET_ACCESS_KEY": call.get("secret")}
        return await self.typed(*words, url=url, **{name: value for name, value in more.items() if value is not None})

    async def typed(self, *words: str, url: str = "", **more: str) -> Said:
        """One command as it is typed after `aws`; `more` goes into its environment."""
        command = [str(TOP / ".venv/awscli/bin/python"), "-m", "awscli", *words, "--output", "json"]
        status, out, err = await _ended(command, "", self.environ(url) | more)
        if status == 0:
            return Said(answer=json.loads(out) if out else {})
        told = _CLI_ERROR.search(err)
        assert told is not None, err
        return Said(error="ClientError", code=told[1], text=told[3], attempts=int(told[2] or 0) + 1)

    async def _script(self, command: Sequence[str], asked: object, url: str) -> list[Said]:
        status, out, err = await _ended(command, json.dumps(asked, default=_as_json), self.environ(url))
        assert status == 0, err
        return [Said(**fields) for fields in json.loads(out)]

    # --- what came of it --------------------------------------------------------------------------------------------

    async def arrived(self, receipts: Iterable[str], within_s: float = 30.0) -> dict[str, list[Arrival]]:
        """What came for each receipt, once something has come for every receipt ever asked about here."""
        found: dict[str, list[Arrival]] = {receipt: [] for receipt in receipts}
        self._receipts |= found.keys()
        for one in await self._arrivals(len(self._receipts), within_s):
            if one.id in found:
                found[one.id].append(one)
        return found

    async def _arrivals(self, messages: int, within_s: float) -> list[Arrival]:
        remote = self.running.remote
        await asyncio.to_thread(remote.mailbox_with, messages, within_s)
        return await asyncio.to_thread(remote.arrivals)

    async def mails(self) -> dict[str, EmailMessage]:
        """By receipt: every mail that a provider has taken, as it was handed over."""
        found: dict[str, EmailMessage] = {}
        for name, _ in self.running.script.providers:
            for row in await asyncio.to_thread(self.running.remote.exchanges, name):
                mail = email.message_from_bytes(row["content"], policy=email.policy.default)
                found[str(mail["X-Posthorse-Id"])] = mail
        return found


async def _ended(command: Sequence[str], said: str, environ: Mapping[str, str]) -> tuple[int, str, str]:
    for made in (TOP / ".venv/awscli", CLIENTS / "node/node_modules"):
        assert made.exists(), f"{made} is not there: `make clients` installs it"
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, cwd=environ["HOME"], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate(said.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def _as_json(value: object) -> dict[str, str]:
    assert isinstance(value, bytes)
    return {"$bytes": base64.b64encode(value).decode()}


class Runner:
    """A loop that lasts as long as a module's gateway, since the processes belong to it."""

    def __init__(self, folder: Path, more_config: str, domain: str = DOMAIN) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.shop = self.run(self._stack.enter_async_context(shop(folder, domain + more_config)))

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        """One story, at most 90 s of it."""

        async def limited() -> T:
            async with asyncio.timeout(90):
                return await story

        return self._runner.run(limited())

    def close(self) -> None:
        """End the gateway, the lab and the loop."""
        try:
            self._runner.run(self._stack.aclose())
        finally:
            self._runner.close()


@asynccontextmanager
async def shop(folder: Path, more_config: str = "") -> AsyncIterator[Shop]:
    """A gateway with one provider of the kind of SES and one of SMTP, for the length of a block."""
    (folder / "home").mkdir()
    (folder / "shop-secret").write_text(SECRET)
    (folder / "shop-secret").chmod(0o600)
    script = Script(providers=(("first", "ses"), ("second", "smtp")), more_config=ACCESS_KEY + more_config)
    async with rehearsal(folder, script) as running:
        yield Shop(running)
