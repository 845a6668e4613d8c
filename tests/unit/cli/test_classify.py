"""`posthorse classify` on a spool with mixed traffic, with and without a running gateway."""

import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posthorse.adapters.chance import TimeOrderedIds
from posthorse.adapters.clock import SystemClock
from posthorse.mail.ids import MAIN_TENANT, MessageId, Tenant
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.port import NewMessage
from posthorse.spool.sqlite import SqliteSpool
from tests.unit.cli.stage import Stage, gateway

RULE = '\n[[classify]]\nmatch = { subject = "*digest*" }\nstream = "bulk"\n'


@pytest.fixture
def stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stage:
    """A folder with a configuration, and the command line."""
    return Stage(tmp_path, capsys)


def message(make_id: Callable[[], bytes], subject: str, **fields: Any) -> NewMessage:
    """One accepted message."""
    usual: dict[str, Any] = {
        "id": MessageId(make_id()),
        "tenant": MAIN_TENANT,
        "stream": Stream.STANDARD,
        "sender": "shop@a.example",
        "recipients": ("secret.person@b.example",),
        "body": f"From: shop@a.example\r\nSubject: {subject}\r\n\r\nnever to be seen\r\n".encode(),
        "deadline_us": 3_600 * SECOND,
        "copies_allowed": 1,
        "attributes": {"credential": "AKIATEST"},
    }
    return NewMessage(**{**usual, **fields})


def traffic(make_id: Callable[[], bytes]) -> list[NewMessage]:
    """Codes, a digest, invoices, and what nobody can tell."""
    return [
        *(message(make_id, "Your login code: 123456", attributes={"template": "code"}) for _ in range(600)),
        *(message(make_id, "=?utf-8?B?T3VyIGRpZ2VzdA==?=") for _ in range(20)),
        *(message(make_id, "Hello secret.person@b.example") for _ in range(20)),
        *(message(make_id, "Invoice 7", tenant=Tenant("acme"), attributes={}) for _ in range(20)),
        *(message(make_id, "Reset your password", attributes={"declared": "urgent"}) for _ in range(5)),
    ]


def filled(stage: Stage) -> None:
    """Store mixed traffic, as a gateway would."""

    async def admit() -> None:
        clock = SystemClock()
        spool = await SqliteSpool.open(str(stage.spool_file), clock=clock)
        await spool.admit(traffic(TimeOrderedIds(clock).new))
        await spool.close()

    asyncio.run(admit())


def test_suggest_prints_rules_to_paste(stage: Stage) -> None:
    """Rules with their evidence as TOML; no address of a recipient and nothing of a body is in it."""
    filled(stage)
    status, out, err = stage.call("classify", "suggest")
    assert (status, err) == (0, "")
    rules = tomllib.loads(out)["classify"]
    assert {"match": {"template": "code"}, "stream": "urgent"} in rules
    assert {"match": {"subject": "*digest*"}, "stream": "bulk"} in rules
    assert {"match": {"subject": "*invoice*"}, "stream": "once"} in rules
    assert "secret.person" not in out
    assert "never to be seen" not in out
    assert "600 of 600 messages (100 %). Sure: high." in out


def test_suggest_in_json_for_one_account(stage: Stage) -> None:
    """Numbers and rules for programs; `--tenant` and `--messages` bound what is looked at."""
    filled(stage)
    data = stage.data("classify", "suggest", "--tenant", "acme")
    assert (data["messages"], data["undecided"]) == (20, 20)
    assert [each["match"] for each in data["proposals"]] == [{"sender": "shop@a.example"}]
    assert stage.data("classify", "suggest", "--messages", "501")["messages"] == 501


def test_rules_that_stand_already_are_left_out(stage: Stage) -> None:
    """What a rule of the configuration decides is not proposed again."""
    filled(stage)
    stage.config.write_text(stage.config.read_text() + RULE)
    data = stage.data("classify", "suggest")
    assert (data["ruled"], data["declared"]) == (20, 5)
    assert {"subject": "*digest*"} not in [each["match"] for each in data["proposals"]]


def test_try_rules_over_recorded_traffic(stage: Stage) -> None:
    """The configured rules, a candidate file and one rule more: before and after, what moves, what does nothing."""
    filled(stage)
    stage.config.write_text(stage.config.read_text() + RULE)
    configured = stage.data("classify", "test")
    assert configured["after"] == {"standard": 645, "bulk": 20}
    candidate = stage.folder / "candidate.toml"
    candidate.write_text('[[classify]]\nmatch = { template = "code" }\nstream = "urgent"\n')
    found = stage.data(
        "classify", "test", "--rules", str(candidate), "--rule", 'match = {subject = "*zzz*"}, stream = "once"'
    )
    assert found["moves"] == 620
    assert [(each["matches"], each["decides"]) for each in found["rules"]] == [(0, 0), (20, 20), (600, 600)]
    assert found["asked"] == f"those of --rule (1), then the configured rules (1), then those of {candidate} (1)"
    assert {moved["new"] for moved in found["moved"]} == {"urgent", "bulk"}
    status, out, _ = stage.call(
        "classify", "test", "--rules", str(candidate), "--rule", '{match={subject="*zzz*"},stream="once"}'
    )
    assert status == 0
    assert "never fits" in out
    assert "620 messages would be in another stream" in out


def test_where_the_rules_of_a_file_stand(stage: Stage) -> None:
    """Behind the configured ones, as if pasted; before them, or in their place, if so asked, and it is told which."""
    filled(stage)
    stage.config.write_text(stage.config.read_text() + RULE)
    candidate = stage.folder / "candidate.toml"
    candidate.write_text('[[classify]]\nmatch = { subject = "*digest*" }\nstream = "once"\n')
    after = {}
    for option in ("", "--before", "--instead"):
        arguments = ("classify", "test", "--rules", str(candidate), *option.split())
        after[option] = (stage.data(*arguments)["after"], len(stage.data(*arguments)["rules"]))
        assert "asked in this order: " in stage.call(*arguments)[1]
    assert after == {
        "": ({"standard": 645, "bulk": 20}, 2),
        "--before": ({"standard": 645, "once": 20}, 2),
        "--instead": ({"standard": 645, "once": 20}, 1),
    }
    assert stage.call("classify", "test", "--rules", str(candidate), "--before", "--instead")[0] == 2
    assert stage.call("classify", "test", "--before")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--rule", "match = {"), "not TOML"),
        (("--rule", 'match = {}, stream = "bulk"'), "matches everything"),
        (("--rule", 'match = {subject = "x"}, stream = "fast"'), "fast"),
        (("--rule", 'match = {subjct = "x"}, stream = "bulk"'), "subject"),
        (("--rules", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_rules_that_cannot_be_asked(stage: Stage, arguments: tuple[str, ...], why: str) -> None:
    """Bad candidates are refused with the reason, and nothing is tried."""
    filled(stage)
    status, out, err = stage.call("classify", "test", *arguments)
    assert (status, out) == (1, "")
    assert why in err


def test_a_single_message_as_before(stage: Stage) -> None:
    """With a file, the rule that decides about it is told."""
    stage.config.write_text(stage.config.read_text() + RULE)
    file = stage.folder / "message"
    file.write_text("From: a@a.example\nSubject: The digest\n\nx\n")
    data = stage.data("classify", "test", str(file))
    assert (data["stream"], data["rule"]) == ("bulk", 1)


def test_the_same_by_a_running_gateway(stage: Stage) -> None:
    """With a gateway on the spool the traffic comes from it, in pages."""
    with gateway(stage) as scene:
        new = traffic(TimeOrderedIds(SystemClock()).new)
        asyncio.run(_admitted(scene.spool, new))
        data = stage.data("classify", "suggest")
    assert data["messages"] == len(new)
    assert [each["stream"] for each in data["proposals"]] == ["urgent", "once", "bulk"]


async def _admitted(spool: Any, new: list[NewMessage]) -> None:
    await spool.admit(new)


def test_an_empty_spool_says_so(stage: Stage) -> None:
    """No traffic, no rules, and a line that says why."""
    stage.accept()
    status, out, _ = stage.call("classify", "suggest", "--tenant", "nobody")
    assert status == 0
    assert "no recorded traffic" in out
    assert tomllib.loads(out) == {}
