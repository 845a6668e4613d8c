"""Looking at mail by the native API: the whole history with reasons, bounded pages, one's own mail only."""

from collections.abc import Callable
from typing import Any

import pytest

from posthorse.accept.admission import AdmissionPolicy
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import AttemptId, NodeId, ProviderName
from posthorse.mail.outcome import Handover
from posthorse.mail.stream import SECOND, Stream
from posthorse.spool.desk_port import RecipientView, Selector
from posthorse.spool.memory import MemorySpool
from posthorse.spool.port import LeasedGroup, LeaseRequest, ReleaseMark, Settlement, SpoolUnavailable
from tests.unit.accept.api.desk import MESSAGE, OTHER_KEY, OTHER_SECRET, Answered, Desk, basic

Run = Callable[[Any], Any]
FIRST = ProviderName("first")


async def leased(desk: Desk, limit: int = 100) -> LeasedGroup:
    """A courier takes what is due."""
    (group, *_) = await desk.spool.lease(LeaseRequest(node=NodeId("node"), stream=Stream.STANDARD, limit=limit))
    return group


async def released(desk: Desk, group: LeasedGroup, *numbers: int) -> None:
    """The last bytes to some of its recipients may go."""
    mark = ReleaseMark(
        message_id=group.message.id,
        attempt=AttemptId(b"a" * 16),
        provider=FIRST,
        recipients=tuple((one.n, one.fence) for one in group.recipients if one.n in numbers),
        answer_by_us=10 * SECOND,
    )
    await desk.spool.release([mark])


async def handed_over(desk: Desk, group: LeasedGroup, *numbers: int) -> None:
    """The provider took them."""
    await desk.spool.settle(
        [
            Settlement(
                message_id=group.message.id,
                n=one.n,
                fence=one.fence,
                outcome=Handover(provider_message_id="p-1"),
                provider=FIRST,
                attempt=AttemptId(b"a" * 16),
                released=True,
                started_at=desk.clock.now(),
                reason="next in order",
                tried=(FIRST,),
            )
            for one in group.recipients
            if one.n in numbers
        ]
    )


def test_the_whole_history_is_told_with_reasons(run: Run) -> None:
    """Each step with what it changed and why, and how each recipient stands now, in fields and in words."""

    async def story() -> None:
        desk = Desk()
        receipt = await desk.send(MESSAGE | {"to": ["ada@example.net", "bob@example.net"], "tags": {"kind": "code"}})
        group = await leased(desk)
        await released(desk, group, 0)
        await handed_over(desk, group, 0)
        whole = (await desk.look(receipt)).json
        assert whole["message"]["tags"] == {"kind": "code"}
        assert whole["message"]["carriage"] == {"handed_over": 1, "leased": 1}
        assert [one["address"] for one in whole["recipients"]] == ["ada@example.net", "bob@example.net"]
        assert whole["recipients"][0]["provider"] == "first"
        assert "handed over" in whole["recipients"][0]["now"]
        of_first = [step for step in whole["history"] if step["n"] in (0, None)]
        assert [step["new"] for step in of_first] == ["queued", "leased", "released", "handed_over"]
        last = of_first[-1]
        assert (last["cause"], last["provider"], last["detail"]["outcome"]) == ("answer", "first", "handover")
        assert last["detail"]["chosen"] == "next in order"
        assert last["detail"]["started_at"] == last["at"] == "2027-01-15T08:00:00.000Z"
        assert last["words"].endswith("first was chosen: next in order")
        assert whole["more_history"] is False

    run(story())


@pytest.mark.parametrize("path", ["0" * 32, "x" * 32, "0", "0" * 31 + "%20"])
def test_what_is_not_there_is_not_found(run: Run, path: str) -> None:
    """An id that nobody has, and what is no id."""

    async def story() -> None:
        desk = Desk()
        for method, end in (("GET", ""), ("POST", "/cancel")):
            answered = await desk.ask(method, f"/api/v1/messages/{path}{end}")
            assert (answered.status, answered.json["code"]) == (404, "not_found")

    run(story())


def test_another_tenants_mail_is_not_there(run: Run) -> None:
    """Not to see, not to cancel, not in lists; the answer is the very one for what never was."""

    async def story() -> None:
        desk = Desk()
        receipt = await desk.send()
        other = basic(OTHER_KEY, OTHER_SECRET)
        never = await desk.ask("GET", "/api/v1/messages/" + "0" * 32, authorization=other)
        seen = await desk.look(receipt, authorization=other)
        assert (seen.status, seen.body) == (never.status, never.body)
        cancelled = await desk.ask("POST", receipt.json["url"] + "/cancel", authorization=other)
        assert (cancelled.status, cancelled.body) == (404, never.body)
        assert (await desk.ask("GET", "/api/v1/messages", authorization=other)).json["messages"] == []
        assert (await desk.look(receipt)).json["message"]["carriage"] == {"queued": 1}

    run(story())


def test_cancelling_ends_what_waits_and_tells_the_rest(run: Run) -> None:
    """One handed over, one released, one leased, one queued: each is told as it is; asking again changes nothing."""

    async def story() -> None:
        desk = Desk()
        receipt = await desk.send(MESSAGE | {"to": [f"u{number}@example.net" for number in range(4)]})
        group = await leased(desk)
        await released(desk, group, 0, 1)
        await handed_over(desk, group, 0)
        last = group.recipients[3]
        unused = Settlement(message_id=group.message.id, n=3, fence=last.fence, outcome=None, next_at=desk.clock.now())
        await desk.spool.settle([unused])
        for _ in range(2):
            answered = await desk.ask("POST", receipt.json["url"] + "/cancel")
            assert answered.status == 200
            told = answered.json
            assert [one["carriage"] for one in told["recipients"]] == [
                "handed_over",
                "released",
                "cancelled",
                "cancelled",
            ]
            assert told["recipients"][1]["withdrawn"] == "cancelled"
            assert told["cancelled"] == 2
            assert all("; since 20" in one["now"] for one in told["recipients"]), "whoever comes too late reads when"
            assert told["recipients"][2]["now"].endswith("Z; by order of AKIASHOP000000000001")
        history = (await desk.look(receipt)).json["history"]
        assert [step["detail"]["by"] for step in history if step["new"] == "cancelled"] == ["AKIASHOP000000000001"] * 2

    run(story())


def test_what_is_in_doubt_is_marked_and_not_called_cancelled(run: Run) -> None:
    """It may have arrived; no further copy goes out; asking again changes nothing."""

    async def story() -> None:
        desk = Desk()
        receipt = await desk.send(MESSAGE | {"stream": "standard"})
        group = await leased(desk)
        await released(desk, group, 0)
        desk.clock.advance(60)
        await desk.spool.sweep(10)
        for _ in range(2):
            answered = await desk.ask("POST", receipt.json["url"] + "/cancel")
            told = answered.json["recipients"][0]
            assert (told["carriage"], told["withdrawn"], told["next_at"]) == (
                Carriage.IN_DOUBT.value,
                "cancelled",
                None,
            )
            assert "withdrawn" in told["now"]
            assert answered.json["cancelled"] == 0
        history = (await desk.look(receipt)).json["history"]
        assert sum(step["kind"] == "decided" for step in history) == 1
        desk.clock.advance(600)
        asked = LeaseRequest(node=NodeId("node"), stream=Stream.STANDARD, limit=10)
        assert not await desk.spool.lease(asked)

    run(story())


async def listed(desk: Desk, query: str = "", **options: Any) -> Answered:
    """A page."""
    return await desk.ask("GET", "/api/v1/messages" + (f"?{query}" if query else ""), **options)


def test_lists_are_filtered_and_paged(run: Run) -> None:
    """Newest first, by tag, domain and state; `before` goes on where the page ended."""

    async def story() -> None:
        desk = Desk()
        ids = []
        for number in range(7):
            asked = MESSAGE | {"tags": {"n": str(number % 2)}, "to": [f"a@d{number % 3}.example", "b@c.example"]}
            ids.append((await desk.send(asked)).json["id"])
        assert [one["id"] for one in (await listed(desk)).json["messages"]] == ids[::-1]
        assert [one["id"] for one in (await listed(desk, "tag=n%3D1")).json["messages"]] == ids[1::2][::-1]
        assert [one["id"] for one in (await listed(desk, "recipient_domain=D2.example")).json["messages"]] == [
            ids[5],
            ids[2],
        ]
        assert (await listed(desk, "state=cancelled")).json["messages"] == []
        await desk.ask("POST", f"/api/v1/messages/{ids[3]}/cancel")
        assert [one["id"] for one in (await listed(desk, "state=cancelled")).json["messages"]] == [ids[3]]
        seen: list[str] = []
        before = ""
        for pages_left in (3, 2, 1, 0):
            page = (await listed(desk, f"limit=2{before}")).json
            seen += [one["id"] for one in page["messages"]]
            before = f"&before={page['before']}"
            assert (page["before"] is None) == (pages_left == 0)
        assert seen == ids[::-1]

    run(story())


def test_a_page_is_cut_between_messages(run: Run) -> None:
    """What does not fit the window whole is on the next page; one larger than the window is shown whole."""

    async def story() -> None:
        desk = Desk(AdmissionPolicy(max_recipients=2_000))
        ids = [
            (await desk.send(MESSAGE | {"to": [], "bcc": [f"u{each}@example.net" for each in range(size)]})).json["id"]
            for size in (1, 1_500, 400, 700)
        ]
        seen: list[tuple[str, int]] = []
        before = ""
        while True:
            page = (await listed(desk, before)).json
            seen += [(one["id"], sum(one["carriage"].values())) for one in page["messages"]]
            if page["before"] is None:
                break
            before = f"before={page['before']}"
        assert seen == [(ids[3], 700), (ids[2], 400), (ids[1], 1_500), (ids[0], 1)]

    run(story())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=x", 422),
        ("limit=99999999999999999999", 422),
        ("limit=%D9%A3", 422),
        ("state=gone", 422),
        ("before=0", 422),
        ("colour=red", 400),
        ("limit=1&limit=2", 400),
        ("tag=%27%20OR%201%3D1--", 200),
        ("recipient_domain=%25", 200),
        ("limit", 400),
        ("%", 400),
    ],
)
def test_a_list_takes_only_values_that_can_be_meant(run: Run, query: str, status: int) -> None:
    """Anything else is refused, never passed over; what looks like SQL is text."""

    async def story() -> None:
        desk = Desk()
        await desk.send()
        answered = await listed(desk, query)
        assert answered.status == status
        if status == 200:
            assert answered.json["messages"] == []

    run(story())


def test_a_spool_that_cannot_be_asked_is_no_bug(run: Run) -> None:
    """503 with a time to try again, for looking as for sending."""

    class Down(MemorySpool):
        async def select(self, selector: Selector, limit: int) -> list[RecipientView]:
            raise SpoolUnavailable("no")

    async def story() -> None:
        desk = Desk()
        desk.api = desk.api_on(Down(clock=desk.clock))
        for target in ("/api/v1/messages", f"/api/v1/messages/{'0' * 32}"):
            answered = await desk.ask("GET", target)
            assert (answered.status, answered.json["code"]) == (503, "spool")
            assert "retry-after" in answered.headers
        assert desk.told.bugs == []

    run(story())
