"""Commands on a spool: with a gateway and without one, as tables and as JSON, with their exit status."""

import asyncio
import csv
import io
import json
import subprocess
import sys

import pytest

from posthorse.adapters.clock import SystemClock
from posthorse.cli.suppression_command import safe_cell
from posthorse.control.node import Confirming
from posthorse.mail.outcome import Unclear
from posthorse.mail.stream import Stream
from posthorse.spool.inbox_port import Digestion, Notification
from posthorse.spool.sqlite import SqliteSpool
from tests.unit.cli.stage import Stage, gateway
from tests.unit.control.scene import RELAY


def test_without_a_gateway_the_spool_itself_is_asked(stage: Stage) -> None:
    """Mail that waits in the file shows although nothing runs, and no secret of the gateway is needed."""
    message_id = stage.accept("jane@b.example", stream=Stream.URGENT)
    (found,) = stage.data("queue", "list")["recipients"]
    assert (found["id"], found["address"], found["state"]) == (message_id, "jane@b.example", "queued")
    assert stage.data("status")["running"] is False


def test_with_a_gateway_it_is_asked(stage: Stage) -> None:
    """The gateway owns the spool, so the command goes to its socket and means the same."""
    with gateway(stage) as scene:
        message_id = asyncio.run(scene.accept("jane@b.example"))
        assert stage.data("queue", "list")["recipients"][0]["id"] == message_id
        assert stage.data("status")["running"] is True
        assert stage.call("providers", "eject", "relay", "--for", "2h", "--reason", "they called")[0] == 0
        (order,) = stage.data("status")["orders"]
        assert (order["key"], order["value"]) == ("ejected:relay", "they called")


def test_a_spool_that_somebody_else_owns_is_told(stage: Stage) -> None:
    """A process that holds the spool without listening for commands is named instead of being pushed aside."""
    stage.accept()

    async def scene() -> tuple[int, str, str]:
        spool = await SqliteSpool.open(str(stage.spool_file), clock=SystemClock())
        try:
            return await asyncio.to_thread(stage.call, "queue", "list")
        finally:
            await spool.close()

    status, _, err = asyncio.run(scene())
    assert status == 1
    assert "in use by process" in err


def test_without_a_spool_nothing_is_made(stage: Stage) -> None:
    """Looking does not create an empty spool where there was none."""
    status, _, err = stage.call("queue", "list")
    assert (status, "no spool at" in err, stage.spool_file.exists()) == (1, True, False)


def test_a_table_for_people_and_a_document_for_programs(stage: Stage) -> None:
    """The same answer prints as lines with heads, or as one JSON document and nothing else."""
    message_id = stage.accept("jane@b.example")
    status, out, _ = stage.call("queue", "show", message_id)
    assert status == 0
    assert "jane@b.example" in out
    assert "copies" in out
    assert stage.data("queue", "show", message_id)["recipients"][0]["copies_allowed"] == 1


def test_a_body_prints_byte_for_byte(stage: Stage) -> None:
    """`queue show --body` gives exactly what would be handed over."""
    command = [
        sys.executable,
        "-m",
        "posthorse",
        "queue",
        "show",
        stage.accept(),
        "--body",
        "--config",
        str(stage.config),
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == b"Subject: \xe9\r\n\r\nhello\r\n"


def test_an_address_cannot_act_on_the_terminal(stage: Stage) -> None:
    """Escape sequences in mail are written out, in tables and in stories."""
    message_id = stage.accept("jane\x1b[2J\u202e@b.example")
    for arguments in (("queue", "list"), ("queue", "show", message_id), ("explain", message_id)):
        out = stage.call(*arguments)[1]
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "\\x1b[2J\\u202e@b.example" in out


def test_retry_and_cancel_move_what_they_name(stage: Stage) -> None:
    """Several ids at once, or a selection; a no if nothing was there to move."""
    first, second = stage.accept(), stage.accept("x@c.example")
    assert stage.data("queue", "retry", first, second) == {"recipients": 2}
    assert stage.call("queue", "retry", first)[1] == "tried now: 1 recipient\n"
    assert stage.data("queue", "cancel", "--to-domain", "c.example") == {"recipients": 1}
    status, out, _ = stage.call("queue", "cancel", "--to-domain", "c.example")
    assert (status, out) == (1, "withdrawn: 0 recipients\n")
    assert stage.data("queue", "list", "--state", "cancelled")["recipients"][0]["id"] == second


def test_what_is_not_confirmed_is_listed(stage: Stage) -> None:
    """With a gateway by its configuration, without one by the file; a no where no provider tells."""
    with gateway(stage) as scene:
        scene.confirming = Confirming(providers=frozenset({RELAY}), within_us=0)
        message_id = asyncio.run(scene.accept(stream=Stream.ONCE))
        asyncio.run(scene.hand_over(Stream.ONCE))
        scene.clock.at += 1
        (row,) = stage.data("queue", "list", "--not-confirmed")["recipients"]
        assert (row["id"], row["not_confirmed"], row["fate"]) == (message_id, True, "unknown")
        assert "handed over" in stage.call("queue", "list", "--not-confirmed")[1]
    stage.accept()
    assert "notifications" in stage.call("queue", "list", "--not-confirmed")[2]
    told = stage.config.read_text().replace('name = "relay"', 'name = "relay"\nnotifications = {}')
    stage.config.write_text(told + '[feedback]\nconfirm_within = "10m"\n')
    status, out, err = stage.call("queue", "list", "--not-confirmed")
    assert (status, out + err) == (0, "nothing waits longer than it may to be confirmed\n")


def test_notifications_are_listed_and_shown_as_they_came(stage: Stage) -> None:
    """The table has the note, the body comes byte for byte; the overview leads there."""
    with gateway(stage) as scene:
        body = b'{"bounce":"\xff\x1b[2J"}'
        asyncio.run(scene.spool.inbox.take_in([Notification(provider=RELAY, key=bytes(16), body=body)]))
        asyncio.run(scene.spool.inbox.digest([Digestion(seq=1, events=(), note="no event")]))
        assert "no event" in stage.call("notifications", "list")[1]
        assert stage.data("notifications", "list", "--state", "waiting")["notifications"] == []
        shown = stage.call("notifications", "show", "1")[1]
        assert "note: no event" in shown
        assert "\x1b" not in shown
        assert stage.data("notifications", "show", "1")["body"].encode("latin-1") == body
        assert "unreadable: 1 notification" in stage.call("status")[1]
        assert "no notification 7" in stage.call("notifications", "show", "7")[2]


def test_mail_is_listed_by_its_fate(stage: Stage) -> None:
    """A filter of its own beside the state."""
    message_id = stage.accept()
    assert stage.data("queue", "list", "--fate", "unknown")["recipients"][0]["id"] == message_id
    assert stage.data("queue", "list", "--fate", "bounced")["recipients"] == []


def test_nothing_is_decided_about_all_mail(stage: Stage) -> None:
    """A forgotten argument does not cancel the queue."""
    stage.accept()
    status, _, err = stage.call("queue", "cancel")
    assert (status, "all mail" in err) == (1, True)


def test_a_person_decides_what_is_in_doubt(stage: Stage) -> None:
    """Doubt lists by its state; each verdict is a word of its own."""
    with gateway(stage) as scene:
        message_id = asyncio.run(scene.accept(stream=Stream.ONCE))
        asyncio.run(scene.attempt(Stream.ONCE, Unclear()))
        assert stage.data("queue", "list", "--state", "in_doubt")["recipients"][0]["id"] == message_id
        assert stage.call("queue", "retry", message_id)[0] == 1, "its budget is spent"
        assert stage.data("queue", "retry", message_id, "--another-copy") == {"recipients": 1}
        assert stage.data("queue", "decide", message_id, "was-handed-over") == {"recipients": 1}
        (row,) = stage.data("queue", "show", message_id)["recipients"]
        assert (row["state"], row["copies_allowed"]) == ("handed_over", 2)


def test_a_hold_is_set_listed_and_lifted(stage: Stage) -> None:
    """A hold needs a reason; its number lifts it."""
    stage.accept("x@c.example")
    assert stage.call("queue", "hold", "--to-domain", "c.example")[0] == 2
    hold = stage.data("queue", "hold", "--to-domain", "c.example", "--reason", "odd")
    assert stage.data("queue", "holds")["holds"] == [hold]
    assert stage.data("queue", "unhold", str(hold["id"])) == {"recipients": 1}
    empty = stage.data("queue", "hold", "--to-domain", "d.example", "--reason", "odd")
    lifted = f"hold {empty['id']} is lifted; let go on: 0 recipients\n"
    assert stage.call("queue", "unhold", str(empty["id"])) == (0, lifted, "")
    assert stage.call("queue", "unhold", str(empty["id"]))[0] == 1, "it is gone"


def test_explain_reads_as_a_story(stage: Stage) -> None:
    """The steps come in order, then how it stands now."""
    message_id = stage.accept(stream=Stream.URGENT)
    stage.call("queue", "cancel", message_id)
    status, out, _ = stage.call("explain", message_id)
    assert status == 0
    assert out.index("accepted for 1 recipient") < out.index("decided: cancel it") < out.index("now:")
    assert stage.data("explain", message_id)["steps"][0]["words"] == "accepted for 1 recipient"


def test_a_failover_needs_a_target_and_a_time(stage: Stage) -> None:
    """What is half said is not understood: exit status 2; `--end` ends it."""
    stage.accept()
    assert stage.call("failover", "--to", "other")[0] == 2
    assert stage.call("failover", "--for", "2h")[0] == 2
    assert stage.call("failover", "--to", "other", "--for", "2 hours")[0] == 2
    assert stage.call("failover", "--to", "other", "--for", "2h", "--stream", "urgent")[0] == 0
    assert stage.data("providers", "list")["failover_to"] == "other"
    assert stage.call("failover", "--end")[0] == 0
    assert stage.data("providers", "list")["failover_to"] == ""


def test_sending_stops_and_starts(stage: Stage) -> None:
    """The order outlives the command and shows at one look."""
    stage.accept()
    assert stage.call("stop-sending", "--reason", "drill")[0] == 0
    assert "sending is stopped" in stage.call("status")[1]
    assert stage.call("start-sending")[0] == 0
    assert stage.data("status")["paused"] is False


def test_a_key_is_shown_once(stage: Stage) -> None:
    """Making a key prints the secret and the SMTP password of each region; listing it prints neither."""
    stage.accept()
    status, out, _ = stage.call("keys", "create", "--tenant", "shop", "--note", "web")
    assert status == 0
    secret = next(line.split()[-1] for line in out.splitlines() if line.startswith("secret access key"))
    assert "us-east-1" in out
    (key,) = stage.data("keys", "list")["keys"]
    assert (key["tenant"], key["note"]) == ("shop", "web")
    assert secret not in json.dumps(key)
    assert secret.encode() not in stage.spool_file.read_bytes()
    assert stage.call("keys", "revoke", key["id"])[0] == 0
    assert stage.data("keys", "list")["keys"][0]["revoked_at"] is not None


def test_the_first_key_may_be_made_before_the_first_start(stage: Stage) -> None:
    """It makes the spool and says so; no other command does, since its file may be the wrong one."""
    status, _, err = stage.call("keys", "list")
    assert (status, stage.spool_file.exists()) == (1, False)
    assert "there is no spool" in err
    status, out, err = stage.call("keys", "create", "--note", "web")
    told = f"made the spool {stage.spool_file}; the gateway must run as the user that made it\n"
    assert (status, err) == (0, told)
    assert out.startswith("access key id")
    assert [key["note"] for key in stage.data("keys", "list")["keys"]] == ["web"]
    assert stage.call("keys", "create")[2] == ""


def test_a_new_key_comes_with_what_aws_clients_read(stage: Stage) -> None:
    """Lines to paste into a shell, with the address of the file's listener; as fields with --json."""
    stage.accept()
    stage.config.write_text(stage.config.read_text() + '[[listen]]\nhttp = "0.0.0.0:8125"\n')
    made = stage.data("keys", "create")
    assert made["aws_variables"] == {
        "AWS_ACCESS_KEY_ID": made["id"],
        "AWS_SECRET_ACCESS_KEY": made["secret"],
        "AWS_ENDPOINT_URL_SES": "http://127.0.0.1:8125",
        "AWS_ENDPOINT_URL_SESV2": "http://127.0.0.1:8125",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }
    out = stage.call("keys", "create")[1]
    secret = next(line.split()[-1] for line in out.splitlines() if line.startswith("secret access key"))
    assert f"  export AWS_SECRET_ACCESS_KEY={secret}\n" in out
    assert "  export AWS_ENDPOINT_URL_SES=http://127.0.0.1:8125\n" in out


def test_a_key_that_cannot_sign_here_gets_no_address(stage: Stage) -> None:
    """Without a listener for the API no address is made up."""
    stage.accept()
    stage.config.write_text(stage.config.read_text() + '[[listen]]\nhttp = "127.0.0.1:8125"\nroles = ["hooks"]\n')
    assert stage.data("keys", "create")["aws_variables"] == {}
    assert "no HTTP listener has the role `api`" in stage.call("keys", "create")[1]


def test_suppressions_are_added_listed_and_removed(stage: Stage) -> None:
    """An entry has a reason and may end; the list prints as CSV that a spreadsheet opens without harm."""
    stage.accept()
    assert stage.call("suppression", "add", "Jane@B.example", "--reason", "=HYPERLINK(1)", "--for", "7d")[0] == 0
    rows = list(csv.reader(io.StringIO(stage.call("suppression", "list", "--csv")[1])))
    assert rows[0][:3] == ["tenant", "address", "reason"]
    assert rows[0][-1] == "message_id"
    assert rows[1][1:3] == ["jane@b.example", "'=HYPERLINK(1)"]
    assert stage.data("suppression", "list")["suppressions"][0]["until"] is not None
    assert stage.call("suppression", "remove", "jane@b.example", "--reason", "asked")[0] == 0
    assert stage.call("suppression", "remove", "jane@b.example", "--reason", "asked")[0] == 1
    assert "nothing is suppressed" in stage.call("suppression", "list")[1]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """Whatever a spreadsheet would run is quoted; everything else stays as it is."""
    assert safe_cell(cell) == f"'{cell}"
    assert safe_cell("jane@b.example") == "jane@b.example"
    assert safe_cell("") == ""
