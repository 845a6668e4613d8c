"""Operators' commands: what each does to the spool and the node, and what is refused."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, get_args

import pytest

from posthorse.control import requests
from posthorse.control.commands import CHANGING, LOOKING
from posthorse.control.node import NotDone
from posthorse.control.requests import AnyRequest, Which
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import Tenant
from posthorse.mail.orders import read_orders
from posthorse.mail.outcome import Fault, Reply
from posthorse.mail.outcome import Scope as OutcomeScope
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import Decision
from posthorse.spool.port import SpoolUnavailable
from tests.unit.control.scene import OTHER, RELAY, START, Scene

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def scene() -> Scene:
    """An empty spool with a desk."""
    return Scene()


def asked(run: Run, scene: Scene, request: AnyRequest, by: str = "jane") -> Any:
    """The reply to one command."""
    return run(scene.desk.handle(request, by))


def refused(run: Run, scene: Scene, request: AnyRequest) -> str:
    """Why a command was not done."""
    with pytest.raises(NotDone) as caught:
        asked(run, scene, request)
    return str(caught.value)


def test_the_list_shows_what_was_asked_for_and_says_if_there_is_more(run: Run, scene: Scene) -> None:
    """Recipients are restricted by stream, state and domain; a full page says that more follow."""
    run(scene.accept("a@b.example", "c@d.example"))
    run(scene.accept("e@b.example", stream=Stream.URGENT))
    everything = asked(run, scene, requests.QueueList())
    assert (everything.recipients[0].address, everything.recipients[0].state) == ("e@b.example", "queued")
    assert (len(everything.recipients), everything.more) == (3, False)
    page = asked(run, scene, requests.QueueList(limit=2))
    assert (len(page.recipients), page.more) == (2, True)
    to_b = asked(run, scene, requests.QueueList(which=Which(recipient_domain="B.example", stream=Stream.STANDARD)))
    assert [each.address for each in to_b.recipients] == ["a@b.example"]


def test_a_message_shows_with_every_byte_of_its_body(run: Run, scene: Scene) -> None:
    """The body travels as text and comes back byte for byte."""
    message_id = run(scene.accept())
    assert asked(run, scene, requests.QueueShow(id=message_id)).body is None
    shown = asked(run, scene, requests.QueueShow(id=message_id, body=True))
    assert shown.body.encode("latin-1") == b"Subject: \xe9\r\n\r\nhello\r\n"
    assert shown.attributes == {"credential": "AKIA"}


@pytest.mark.parametrize("text", ["", "xyz", "0" * 31, "g" * 32, "0" * 32])
def test_an_id_that_names_no_message_is_refused(text: str, run: Run, scene: Scene) -> None:
    """A slip in an id is told as such, for every command that takes one."""
    for request in (requests.QueueShow(id=text), requests.Explain(id=text)):
        assert text in refused(run, scene, request)
    if text:
        decide = requests.QueueDecide(which=Which(id=text), decision=Decision.CANCEL)
        assert text in refused(run, scene, decide)


def test_cancelled_mail_ends_with_the_name_of_who_did_it(run: Run, scene: Scene) -> None:
    """A decision moves what it names, and history says who took it."""
    message_id = run(scene.accept())
    moved = asked(run, scene, requests.QueueDecide(which=Which(id=message_id), decision=Decision.CANCEL))
    assert moved.recipients == 1
    steps = asked(run, scene, requests.Explain(id=message_id)).steps
    assert "jane decided: cancel it" in steps[-1].words
    assert scene.carried_out == [("queue.decide", "jane", "")]


def test_what_is_in_doubt_is_decided_by_a_person(run: Run, scene: Scene) -> None:
    """`once` mail in doubt goes nowhere by itself; each decision does what it says."""
    for decision, state in [
        (Decision.WAS_HANDED_OVER, "handed_over"),
        (Decision.WAS_NOT_SENT, "queued"),
        (Decision.ANOTHER_COPY, "in_doubt"),
    ]:
        message_id = run(scene.accept(stream=Stream.ONCE))
        run(scene.doubt(Stream.ONCE))
        before = asked(run, scene, requests.Explain(id=message_id))
        assert "posthorse queue decide" in before.now[0]
        asked(run, scene, requests.QueueDecide(which=Which(id=message_id), decision=decision))
        (now,) = asked(run, scene, requests.QueueShow(id=message_id)).recipients
        assert now.state == state
        asked(run, scene, requests.QueueDecide(which=Which(id=message_id), decision=Decision.CANCEL))


def test_no_decision_is_about_everything(run: Run, scene: Scene) -> None:
    """An empty selector is refused, and what decides doubt names an id or the state."""
    run(scene.accept())
    assert "all mail" in refused(run, scene, requests.QueueDecide(which=Which(), decision=Decision.CANCEL))
    wide = requests.QueueDecide(which=Which(stream=Stream.ONCE), decision=Decision.WAS_NOT_SENT)
    assert "--state in_doubt" in refused(run, scene, wide)
    narrow = Which(stream=Stream.ONCE, state=Carriage.IN_DOUBT)
    assert asked(run, scene, requests.QueueDecide(which=narrow, decision=Decision.WAS_NOT_SENT)).recipients == 0


def test_a_decision_that_changes_nothing_tells_how_the_message_stands(run: Run, scene: Scene) -> None:
    """Whoever comes too late reads why; a selection that matched nothing has nobody to tell of."""
    message_id = run(scene.accept(stream=Stream.URGENT))
    run(scene.hand_over(Stream.URGENT))
    late = asked(run, scene, requests.QueueDecide(which=Which(id=message_id), decision=Decision.WAS_NOT_SENT))
    assert late.recipients == 0
    (told,) = late.standing
    assert told.startswith("0: handed over: the provider took responsibility (relay); fate unknown; since 20")
    other = asked(run, scene, requests.QueueDecide(which=Which(id=message_id, n=7), decision=Decision.CANCEL))
    assert (other.recipients, other.standing) == (0, [])


def test_what_cannot_be_withdrawn_any_more_names_when_and_by_what(run: Run, scene: Scene) -> None:
    """Superseded mail names the newer message, cancelled mail who cancelled it, each with the time."""
    old, newer = run(scene.accept(supersede_key="code")), run(scene.accept(supersede_key="code"))
    cancel = requests.QueueDecide(which=Which(id=old), decision=Decision.CANCEL)
    (told,) = asked(run, scene, cancel).standing
    assert told.startswith("0: superseded by a newer message with its key; since 20")
    assert told.endswith(f"Z; newer message: {newer}")
    cancel = requests.QueueDecide(which=Which(id=newer), decision=Decision.CANCEL)
    assert asked(run, scene, cancel, by="joe").recipients == 1
    (told,) = asked(run, scene, cancel, by="jane").standing
    assert told.startswith("0: cancelled; since 20")
    assert told.endswith("Z; by order of joe")


def test_a_hold_stops_and_an_unhold_lets_go(run: Run, scene: Scene) -> None:
    """A hold names who set it, why and on what; lifting it frees the mail; lifting it twice is refused."""
    message_id = run(scene.accept("a@b.example"))
    hold = asked(run, scene, requests.QueueHold(which=Which(recipient_domain="b.example"), reason="looks wrong"))
    assert (hold.which, hold.reason, hold.by) == ("to b.example", "looks wrong", "jane")
    assert asked(run, scene, requests.Holds()).holds == [hold]
    assert f"on hold {hold.id}" in asked(run, scene, requests.Explain(id=message_id)).now[0]
    assert asked(run, scene, requests.QueueUnhold(hold=hold.id)).recipients == 1
    assert "no hold" in refused(run, scene, requests.QueueUnhold(hold=hold.id))
    assert "later" in refused(run, scene, requests.QueueHold(which=Which(state=Carriage.QUEUED), reason="x"))


def test_an_ejected_provider_is_an_order_in_the_spool(run: Run, scene: Scene) -> None:
    """The order carries who, why and until when; the node is told at once; restoring lifts it."""
    asked(run, scene, requests.Eject(provider="relay", reason="they called", for_s=60))
    (order,) = run(scene.spool.orders())
    assert (order.key, order.value, order.by, order.until) == (
        "ejected:relay",
        "they called",
        "jane",
        START + 60 * SECOND,
    )
    relay = asked(run, scene, requests.Providers()).providers[0]
    assert (relay.ejected_by, relay.ejected_until) == ("jane", "2023-11-14T22:14:20.000Z")
    asked(run, scene, requests.Restore(provider="relay"))
    assert run(scene.spool.orders()) == []
    assert scene.node.told == ["orders", "orders", "restored relay"]


def test_the_last_provider_is_not_ejected(run: Run, scene: Scene) -> None:
    """Ejecting every provider would be stop-sending under a wrong name."""
    asked(run, scene, requests.Eject(provider="relay", reason="x"))
    assert "stop-sending" in refused(run, scene, requests.Eject(provider="other", reason="x"))
    assert read_orders({order.key: order.value for order in run(scene.spool.orders())}).ejected == {RELAY}


def test_an_unknown_provider_is_refused_with_the_known_ones(run: Run, scene: Scene) -> None:
    """A slip in a name is told with what is there."""
    for request in (
        requests.Eject(provider="rely", reason="x"),
        requests.Restore(provider="rely"),
        requests.Failover(to="rely", for_s=60),
    ):
        assert "relay, other" in refused(run, scene, request)


def test_a_failover_holds_for_its_streams_and_its_time(run: Run, scene: Scene) -> None:
    """The order reads back as the target with its streams, and ends by itself or by command."""
    asked(run, scene, requests.Failover(to="other", for_s=7_200, streams=(Stream.URGENT,)))
    (order,) = run(scene.spool.orders())
    orders = read_orders({order.key: order.value})
    assert (orders.failover, orders.failover_streams) == (OTHER, frozenset({Stream.URGENT}))
    assert asked(run, scene, requests.Providers()).failover_to == "other"
    scene.clock.at += 7_201 * SECOND
    assert asked(run, scene, requests.Providers()).failover_to == ""
    assert "no failover" in asked(run, scene, requests.FailoverEnd()).message


@pytest.mark.parametrize("for_s", [0, -5, 1e12, float("nan")])
def test_an_order_has_a_sensible_time(for_s: float, run: Run, scene: Scene) -> None:
    """Nothing, less than nothing and more than a year are refused."""
    assert "year" in refused(run, scene, requests.Failover(to="other", for_s=for_s))


def test_stopping_and_starting_shows_in_the_overview(run: Run, scene: Scene) -> None:
    """The overview says at one look whether mail leaves, what waits and for how long."""
    run(scene.accept(stream=Stream.URGENT))
    asked(run, scene, requests.StopSending(reason="drill"))
    scene.clock.at += 3 * SECOND
    seen = asked(run, scene, requests.Overview())
    assert (seen.running, seen.paused) == (True, True)
    assert [(each.stream, each.state, each.recipients) for each in seen.waiting] == [("urgent", "queued", 1)]
    assert [(each.stream, each.waiting_s) for each in seen.oldest] == [("urgent", 3.0)]
    asked(run, scene, requests.StartSending())
    assert not asked(run, scene, requests.Overview()).paused


def test_a_key_is_told_once_and_kept_sealed(run: Run, scene: Scene) -> None:
    """Only the reply to its making has the secret; the spool has it sealed under its own id."""
    made = asked(run, scene, requests.KeyCreate(tenant="shop", note="web"))
    (stored,) = run(scene.spool.keys())
    assert stored.sealed_secret == b"sealed:" + made.id.encode()
    assert (len(made.id), len(made.secret)) == (20, 40)
    assert made.smtp_password["us-east-1"] == "password for us-east-1"
    (listed,) = asked(run, scene, requests.Keys()).keys
    assert (listed.id, listed.tenant, listed.note, listed.revoked_at) == (made.id, "shop", "web", None)
    assert made.secret not in str(listed)
    assert scene.node.told == ["keys"]


def test_a_revoked_key_stays_in_the_list(run: Run, scene: Scene) -> None:
    """Revoking notes when; doing it again changes nothing; an unknown key is refused."""
    made = asked(run, scene, requests.KeyCreate(tenant="shop"))
    asked(run, scene, requests.KeyRevoke(id=made.id))
    scene.clock.at += SECOND
    assert "already" in asked(run, scene, requests.KeyRevoke(id=made.id)).message
    assert asked(run, scene, requests.Keys()).keys[0].revoked_at == "2023-11-14T22:13:20.000Z"
    assert "configuration" in refused(run, scene, requests.KeyRevoke(id="AKIA"))


def test_a_suppressed_address_is_not_mailed(run: Run, scene: Scene) -> None:
    """The entry says whose list, why and until when, in lower case; mail to it ends as suppressed."""
    asked(run, scene, requests.Suppress(tenant="main", address=" Jane@B.Example ", reason="asked", for_s=86_400))
    (entry,) = asked(run, scene, requests.Suppressions()).suppressions
    assert (entry.address, entry.source, entry.reason) == ("jane@b.example", "operator:jane", "asked")
    message_id = run(scene.accept("JANE@b.example"))
    assert asked(run, scene, requests.QueueShow(id=message_id)).recipients[0].state == "suppressed"
    asked(run, scene, requests.Unsuppress(tenant="main", address="JANE@B.EXAMPLE", reason="asked back"))
    assert run(scene.spool.suppressions(Tenant("main"), "", 10)) == []
    assert scene.carried_out[-1] == ("suppression.remove", "jane", "asked back")


def test_the_list_of_suppressions_comes_in_pages(run: Run, scene: Scene) -> None:
    """A page goes on after the last address of the one before."""
    for name in "abc":
        asked(run, scene, requests.Suppress(tenant="main", address=f"{name}@x.example", reason="r"))
    page = asked(run, scene, requests.Suppressions(limit=2))
    assert ([entry.address[0] for entry in page.suppressions], page.more) == (["a", "b"], True)
    rest = asked(run, scene, requests.Suppressions(limit=2, after=page.suppressions[-1].address))
    assert ([entry.address[0] for entry in rest.suppressions], rest.more) == (["c"], False)


@pytest.mark.parametrize("address", ["", "jane", "@b.example", "jane@", "a b@c.example", "a@b\r\nc"])
def test_what_is_no_address_is_not_suppressed(address: str, run: Run, scene: Scene) -> None:
    """A slip does not leave a row that never matches anything."""
    assert "not an address" in refused(run, scene, requests.Suppress(tenant="main", address=address, reason="r"))


def test_a_suppression_needs_a_reason_and_a_row(run: Run, scene: Scene) -> None:
    """Without a reason nothing is added or removed; what is not there cannot be removed."""
    assert "why" in refused(run, scene, requests.Suppress(tenant="main", address="a@b.example", reason=""))
    assert "why" in refused(run, scene, requests.Unsuppress(tenant="main", address="a@b.example", reason=""))
    assert "not suppressed" in refused(
        run, scene, requests.Unsuppress(tenant="main", address="a@b.example", reason="r")
    )


def test_explain_tells_every_attempt_with_its_reason(run: Run, scene: Scene) -> None:
    """One message that faulted at one provider and left through the next reads as a story."""
    message_id = run(scene.accept(stream=Stream.URGENT))
    run(
        scene.attempt(
            Stream.URGENT,
            Fault(scope=OutcomeScope.PROVIDER, reply=Reply(code=421, text="going down")),
            "first of its route",
        )
    )
    asked(run, scene, requests.QueueDecide(which=Which(id=message_id), decision=Decision.RETRY_NOW))
    run(scene.hand_over(Stream.URGENT))
    story = asked(run, scene, requests.Explain(id=message_id))
    told = "\n".join(step.words for step in story.steps)
    for part in (
        "accepted for 1 recipient",
        "a courier took it up",
        "released to relay",
        'relay answered fault about the provider ("421 going down")',
        "relay was chosen: first of its route",
        "jane decided: try now",
        'relay answered handover ("250 2.0.0 queued"); handed over',
    ):
        assert part in told
    assert story.now == ["0: handed over: the provider took responsibility (relay); fate unknown"]
    assert story.stream == "urgent"


def test_a_reload_and_a_backup_are_the_nodes_work(run: Run, scene: Scene, tmp_path: Path) -> None:
    """The desk passes them on and tells what the node answered."""
    reloaded = asked(run, scene, requests.Reload())
    assert (reloaded.applied, reloaded.needs_restart) == (["routes"], ["listen"])
    scene.node.problems = "routes[0]: odd"
    assert refused(run, scene, requests.Reload()) == "routes[0]: odd"
    assert asked(run, scene, requests.Backup(path=str(tmp_path / "copy"))).size_bytes == 4


def test_a_spool_that_cannot_promise_says_that_it_is_not_known(run: Run, scene: Scene) -> None:
    """An order that may or may not be stored is not told as done."""

    async def full(control: object) -> None:
        raise SpoolUnavailable("the disk is full")

    scene.spool.order = full  # type: ignore[method-assign]
    assert "may have been done, or not" in refused(run, scene, requests.StopSending(reason="x"))
    assert scene.carried_out == []


def test_looking_is_not_told_as_a_decision(run: Run, scene: Scene) -> None:
    """The log hears of commands that change something, and of no other."""
    for request in (requests.Overview(), requests.QueueList(), requests.Keys(), requests.Holds(), requests.Providers()):
        asked(run, scene, request)
    assert scene.carried_out == []


def test_every_command_is_carried_out_by_one_of_the_lists() -> None:
    """A command that is asked for is known to the desk, and either looks or changes something."""
    assert LOOKING.keys() & CHANGING.keys() == set()
    assert LOOKING.keys() | CHANGING.keys() == set(get_args(AnyRequest))
