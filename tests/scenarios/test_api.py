"""The native API end to end: a real gateway, a real provider, a client of the standard library.

Mail is sent and its history read after the handover; mail for later is taken back; a request repeated after kill -9 is
the same message; what is in the mailbox is what was asked for.
"""

import asyncio
import email
import email.policy
import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.faults import Fault
from posthorse.lab.mailbox import read_arrivals
from posthorse.lab.rehearsal import SECRETS, Rehearsal, Script, rehearsal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
Run = Callable[[Coroutine[Any, Any, Any]], Any]
KEY, SECRET_FROM = "AKIAREHEARSALAPI0001", "REHEARSAL_SES_SECRET"
CONFIG = f'[[access_keys]]\nid = "{KEY}"\nsecret = "env:{SECRET_FROM}"\n'
SOON_ELSEWHERE = '[streams.urgent]\nelsewhere_after = "3s"\n'
MESSAGE = {
    "from": "Shop <shop@example.com>",
    "to": ["Zoë <zoe@example.net>"],
    "bcc": ["archive@example.net"],
    "subject": "Deine Rechnung, größer",
    "text": "Danke!\n",
    "html": "<p>Danke!</p>",
    "attachments": [{"file_name": "rechnung-größe.pdf", "content": b64encode(b"%PDF-1.7 x").decode()}],
    "tags": {"kind": "receipt"},
}


class Client:
    """What an application does, blocking as most are."""

    def __init__(self, running: Rehearsal) -> None:
        self._running = running

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Status, header fields and decoded body."""
        return await asyncio.to_thread(self._ask, method, path, body, headers)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        user = b64encode(f"{KEY}:{SECRETS[SECRET_FROM]}".encode()).decode("ascii")
        fields = {"authorization": f"Basic {user}", "content-type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self._running.http_port, timeout=30)
        try:
            sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, sent, fields)
            response = connection.getresponse()
            answer = response.read()
            names = {name.lower(): value for name, value in response.getheaders()}
            return response.status, names, json.loads(answer) if "json" in names["content-type"] else answer
        finally:
            connection.close()

    async def until(self, url: str, carriage: str) -> Any:
        """The whole of a message, once all its recipients are in that state."""
        async with asyncio.timeout(30):
            while True:
                status, _, whole = await self.ask("GET", url)
                assert status == 200
                if set(whole["message"]["carriage"]) == {carriage}:
                    return whole
                await asyncio.sleep(0.05)  # nothing tells us across processes


def test_mail_goes_out_and_its_history_is_told(run: Run, tmp_path: Path) -> None:
    """After the handover every step is there with its reason, and the mailbox has what was asked for, once each."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG)) as running:
            client = Client(running)
            status, headers, receipt = await client.ask("POST", "/api/v1/messages", MESSAGE)
            assert (status, receipt["stream"], receipt["recipients"]) == (202, "standard", 2)
            whole = await client.until(headers["location"], "handed_over")
            assert whole["message"]["tags"] == {"kind": "receipt"}
            assert {one["provider"] for one in whole["recipients"]} == {"first"}
            of_first = [step for step in whole["history"] if step["n"] in (None, 0)]
            assert [step["new"] for step in of_first][-2:] == ["released", "handed_over"]
            assert of_first[-1]["detail"]["outcome"] == "handover"
            assert of_first[-1]["detail"]["chosen"]
            assert "was chosen: " in of_first[-1]["words"]
            arrivals = read_arrivals(running.mailbox_file)
            assert sorted(one.recipient for one in arrivals) == ["archive@example.net", "zoe@example.net"]
            exchanges = await asyncio.to_thread(running.remote.exchanges, "first")
            assert not [one for one in exchanges if b"archive@" in one["content"]]
            status, _, page = await client.ask("GET", "/api/v1/messages?tag=kind%3Dreceipt&state=handed_over")
            assert (status, [one["id"] for one in page["messages"]]) == (200, [receipt["id"]])

    run(story())


def test_what_a_reader_sees_is_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    """Names, subject, both bodies and the attachment arrive decoded equal."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(providers=(("first", "smtp"),), more_config=CONFIG)) as running:
            client = Client(running)
            _, headers, _ = await client.ask("POST", "/api/v1/messages", MESSAGE)
            await client.until(headers["location"], "handed_over")
            exchanges = await asyncio.to_thread(running.remote.exchanges, "first")
            message = email.message_from_bytes(exchanges[0]["content"], policy=email.policy.default)
            assert message["subject"] == MESSAGE["subject"]
            assert message["to"].addresses[0].display_name == "Zoë"
            text, html = (message.get_body([kind]) for kind in ("plain", "html"))
            assert text is not None
            assert text.get_content().split() == ["Danke!"]
            assert html is not None
            assert html.get_content().strip() == MESSAGE["html"]
            (attached,) = message.iter_attachments()
            assert attached.get_filename() == "rechnung-größe.pdf"
            assert attached.get_payload(decode=True) == b"%PDF-1.7 x"

    run(story())


def test_mail_for_later_can_be_taken_back(run: Run, tmp_path: Path) -> None:
    """It waits, is cancelled, and never goes out; what was handed over stays so."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG)) as running:
            client = Client(running)
            _, headers, _ = await client.ask("POST", "/api/v1/messages", MESSAGE)
            sent_url = headers["location"]
            sent = await client.until(sent_url, "handed_over")
            later = datetime.fromisoformat(sent["message"]["accepted_at"]) + timedelta(days=7)
            not_before = f"{later:%Y-%m-%dT%H:%M:%SZ}"
            status, headers, receipt = await client.ask(
                "POST", "/api/v1/messages", MESSAGE | {"not_before": not_before}
            )
            assert status == 202
            url = headers["location"]
            _, _, whole = await client.ask("GET", url)
            assert whole["message"]["carriage"] == {"queued": 2}
            assert whole["recipients"][0]["next_at"] == not_before.replace("Z", ".000Z")
            status, _, told = await client.ask("POST", f"{url}/cancel")
            assert (status, told["id"], told["cancelled"]) == (200, receipt["id"], 2)
            _, _, again = await client.ask("POST", f"{sent_url}/cancel")
            assert again["cancelled"] == 0
            assert {one["carriage"] for one in again["recipients"]} == {"handed_over"}
            assert len(read_arrivals(running.mailbox_file)) == 2

    run(story())


def test_what_is_in_doubt_can_be_taken_back_from_a_second_copy(run: Run, tmp_path: Path) -> None:
    """The first provider breaks off in its answer: of two such messages the one taken back goes nowhere else."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG + SOON_ELSEWHERE)) as running:
            client = Client(running)
            await asyncio.to_thread(running.remote.set_fault, "first", Fault.HALF_ANSWER)
            mail = MESSAGE | {"bcc": [], "stream": "urgent"}
            urls = []
            for _ in range(2):
                _, headers, _ = await client.ask("POST", "/api/v1/messages", mail)
                await client.until(headers["location"], "in_doubt")
                urls.append(headers["location"])
            _, _, told = await client.ask("POST", f"{urls[0]}/cancel")
            assert told["cancelled"] == 0
            assert [(one["carriage"], one["withdrawn"]) for one in told["recipients"]] == [("in_doubt", "cancelled")]
            other = await client.until(urls[1], "handed_over")
            assert other["recipients"][0]["copies_released"] == 2
            _, _, whole = await client.ask("GET", urls[0])
            (rest,) = whole["recipients"]
            assert (rest["carriage"], rest["copies_released"], rest["next_at"]) == ("in_doubt", 1, None)
            assert len(read_arrivals(running.mailbox_file)) == 3

    run(story())


def test_a_request_repeated_after_kill_9_is_the_same_message(run: Run, tmp_path: Path) -> None:
    """The first receipt, marked as replayed; another body under the key is refused; one copy arrives."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG)) as running:
            client = Client(running)
            _, headers, first = await client.ask("POST", "/api/v1/messages", MESSAGE, idempotency_key="order 7")
            await client.until(headers["location"], "handed_over")
            await running.kill_gateway()
            await running.start_gateway()
            status, headers, again = await client.ask("POST", "/api/v1/messages", MESSAGE, idempotency_key="order 7")
            assert (status, headers["idempotent-replayed"], again) == (202, "true", first)
            other = MESSAGE | {"subject": "Other"}
            status, _, problem = await client.ask("POST", "/api/v1/messages", other, idempotency_key="order 7")
            assert (status, problem["code"]) == (422, "idempotency_key_reused")
            assert len(read_arrivals(running.mailbox_file)) == 2

    run(story())


def test_the_description_is_served_beside_the_ses_api(run: Run, tmp_path: Path) -> None:
    """`/api/docs` and the document are there for everybody, and `/` is still the SES API's."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG)) as running:
            client = Client(running)
            status, headers, page = await client.ask("GET", "/api/docs")
            assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert b"sendMessage" in page
            status, _, document = await client.ask("GET", "/api/openapi.json")
            assert (status, document["openapi"]) == (200, "3.1.0")
            status, headers, _ = await client.ask("POST", "/", b"Action=GetSendQuota")
            assert "x-amzn-requestid" in headers
            status, _, problem = await client.ask("GET", "/api/v2/messages")
            assert (status, "/api/docs" in problem["detail"]) == (404, True)

    run(story())


@pytest.mark.needs("curl")
def test_the_examples_of_the_page_work_as_they_stand(run: Run, tmp_path: Path) -> None:
    """Every curl command of docs/api.md, one after the other, against a running gateway."""

    async def story() -> None:
        async with rehearsal(tmp_path, Script(more_config=CONFIG)) as running:
            client = Client(running)
            _, headers, receipt = await client.ask("POST", "/api/v1/messages", MESSAGE)
            await client.until(headers["location"], "handed_over")
            given = {
                "GATEWAY": f"http://127.0.0.1:{running.http_port}",
                "KEY": f"{KEY}:{SECRETS[SECRET_FROM]}",
                "ID": receipt["id"],
            }
            commands = [text for text in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "curl" in text]
            answers = [json.loads(await _shell(command, given)) for command in commands]
            sent, mime, batch, whole, page, cancelled = answers
            assert (sent["stream"], mime["stream"]) == ("standard", "urgent")
            assert (batch["accepted"], batch["refused"]) == (1, 1)
            assert whole["message"]["id"] == cancelled["id"] == receipt["id"]
            assert receipt["id"] in [one["id"] for one in page["messages"]]

    run(story())


async def _shell(command: str, given: dict[str, str]) -> bytes:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-ec",
        command.replace("curl ", "curl -sS "),
        env=os.environ | given,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, command
    return printed
