"""How many may be named, where, and who counts once: what is too much is refused with the field it stands in."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from posthorse.accept.admission import AdmissionPolicy
from posthorse.spool.desk_port import Selector
from tests.unit.accept.api.desk import MESSAGE, Desk

Run = Callable[[Any], Any]
RAW = b64encode(b"From: shop@example.com\nTo: ada@example.net\n\nhello\n").decode()


def people(count: int) -> list[str]:
    """So many addresses of an ordinary length."""
    return [f"customer-{number}@example.net" for number in range(count)]


def test_a_visible_field_has_room_for_what_a_header_field_holds(run: Run) -> None:
    """990 in To are more than 16 KiB: refused, with the field and the remedy; in Bcc they are taken."""

    async def story() -> None:
        desk = Desk(AdmissionPolicy(max_recipients=1_000))
        for field in ("to", "cc"):
            answered = await desk.send(MESSAGE | {field: people(990)})
            told = answered.json
            assert (answered.status, told["code"], told["field"]) == (422, "invalid_field", field)
            assert told["detail"] == f"{field}: it has more than 16 KiB as a field of the header; bcc has room for more"
        assert (await desk.send(MESSAGE | {"to": people(500)})).json["recipients"] == 500
        assert (await desk.send(MESSAGE | {"bcc": people(990)})).json["recipients"] == 991
        long = await desk.send(MESSAGE | {"reply_to": people(990)})
        assert long.json["field"] == "reply_to"
        assert "bcc" not in long.json["detail"]

    run(story())


@pytest.mark.parametrize(
    ("changes", "field", "detail"),
    [
        ({"to": people(6)}, "to", "to: has more than 5 addresses"),
        ({"reply_to": people(6)}, "reply_to", "reply_to: has more than 5 addresses"),
        ({"to": people(4), "cc": ["a@example.net"], "bcc": ["b@example.net"]}, "bcc", "bcc: there are more than 5"),
        ({"to": people(4), "cc": ["a@example.net", "b@example.net"]}, "cc", "cc: there are more than 5"),
        ({"to": [], "cc": []}, "to", "to: there is no recipient in to, cc and bcc"),
    ],
)
def test_too_many_or_none_are_refused_with_a_field(run: Run, changes: dict[str, Any], field: str, detail: str) -> None:
    """By the list that is too long, else by the last that is there; in no words of SMTP."""

    async def story() -> None:
        desk = Desk(AdmissionPolicy(max_recipients=5))
        answered = await desk.send(MESSAGE | changes)
        assert (answered.status, answered.json["code"], answered.json["field"]) == (422, "recipients", field)
        assert answered.json["detail"].startswith(detail)
        assert not await desk.spool.select(Selector(), 10)

    run(story())


def test_somebody_named_often_counts_once(run: Run) -> None:
    """As long as no list alone is too long, and all together have twice as many at most."""

    async def story() -> None:
        desk = Desk(AdmissionPolicy(max_recipients=5))
        answered = await desk.send(MESSAGE | {"to": people(5), "cc": people(5)})
        assert answered.json["recipients"] == 5
        answered = await desk.send(MESSAGE | {"to": people(5), "cc": people(5), "bcc": people(1)})
        assert (answered.json["code"], answered.json["field"]) == ("recipients", "bcc")

    run(story())


def test_spellings_of_one_mailbox_are_one_recipient(run: Run) -> None:
    """Case, the forms of Unicode, a domain in letters or in ASCII: one copy, by the first spelling."""

    async def story() -> None:
        desk = Desk()
        spelt = ["Stra\u00dfe@example.net", "strasse@example.net", "a@b\u00fccher.example", "A@XN--BCHER-KVA.example"]
        answered = await desk.send(MESSAGE | {"to": spelt, "cc": spelt, "bcc": spelt})
        assert answered.json["recipients"] == 2
        views = sorted(await desk.spool.select(Selector(), 10), key=lambda view: view.n)
        assert [view.address for view in views] == [spelt[0], "a@xn--bcher-kva.example"]
        body = await desk.spool.body(views[0].message.id)
        assert body is not None
        assert b"Cc:" not in body

    run(story())


def test_the_envelope_beside_mime_is_named_by_its_own_fields(run: Run) -> None:
    """A bad address is where the client wrote it."""

    async def story() -> None:
        answered = await Desk().send({"raw": RAW, "to": ["ada@example.net"], "bcc": ["bob@example.net", "nobody"]})
        assert (answered.status, answered.json["field"]) == (422, "bcc[1]")

    run(story())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "\u00e9" * 8_000}, "subject"),
        ({"from": "x" * 1_500 + " <shop@example.com>"}, "from"),
        ({"headers": [{"name": f"X-{n}", "value": "y z" * 1_300} for n in range(40)]}, "headers"),
    ],
)
def test_what_no_header_holds_is_refused_with_its_field(run: Run, changes: dict[str, Any], field: str) -> None:
    """Before admission would find it in the message, where nobody knows which field of the request it was."""

    async def story() -> None:
        desk = Desk()
        answered = await desk.send(MESSAGE | changes)
        assert (answered.status, answered.json["code"], answered.json["field"]) == (422, "invalid_field", field)
        assert desk.told.bugs == []

    run(story())


def test_what_admission_says_of_mime_has_no_words_of_smtp(run: Run) -> None:
    """The reason stays, its lead goes."""

    async def story() -> None:
        mail = b"From: shop@example.com\nTo: ada@example.net\nSubject: " + b"word\n " * 4_000 + b"x\n\nhello\n"
        answered = await Desk().send_mime(mail)
        assert answered.json["detail"] == "Header field longer than 16384 bytes."

    run(story())
