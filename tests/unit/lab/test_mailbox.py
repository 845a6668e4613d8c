"""The mailbox store behind all simulated providers."""

from pathlib import Path

from posthorse.lab.mailbox import Mailbox, header_values, read_arrivals

CONTENT = b"X-Posthorse-Id: 01AB\r\nMessage-ID: <a@b>\r\nSubject: x\r\n\r\nbody\r\n"


def test_an_arrival_is_known_by_the_gateways_id() -> None:
    """X-Posthorse-Id names the message, in lower case, whatever became of Message-ID."""
    box = Mailbox()
    box.deliver(provider="one", recipients=("a@x", "b@x"), content=CONTENT, at=5)
    assert [(one.id, one.recipient, one.provider, one.at) for one in box.arrivals("01AB")] == [
        ("01ab", "a@x", "one", 5),
        ("01ab", "b@x", "one", 5),
    ]
    assert box.arrivals()[0].message_id == "<a@b>"
    assert box.messages == 1


def test_without_that_header_the_message_id_or_the_digest_names_it() -> None:
    """Mail that never passed the gateway is told apart too."""
    box = Mailbox()
    box.deliver(provider="one", recipients=("a@x",), content=b"Message-ID: <Q@b>\r\n\r\n", at=1)
    box.deliver(provider="one", recipients=("a@x",), content=b"Subject: none\r\n\r\n", at=1)
    first, second = box.arrivals()
    assert first.id == "<Q@b>"
    assert second.id.startswith("digest:")
    assert len(box.arrivals("<Q@b>")) == 1


def test_a_duplicate_is_one_id_reaching_one_mailbox_twice() -> None:
    """The same message to two people is no duplicate; twice to one of them, by any provider, is."""
    box = Mailbox()
    box.deliver(provider="one", recipients=("a@x", "b@x"), content=CONTENT, at=1)
    assert box.duplicates() == {}
    box.deliver(provider="two", recipients=("A@x",), content=CONTENT, at=2)
    assert box.duplicates() == {("01ab", "a@x"): 1}
    assert box.by_provider() == {"one": 2, "two": 1}


def test_a_message_is_found_by_its_id_or_its_recipient() -> None:
    """The latest copy of what is asked for, whatever the case of the letters; nothing where nothing fits."""
    box = Mailbox()
    box.deliver(provider="one", recipients=("a@x", "b@x"), content=CONTENT, at=1)
    box.deliver(provider="two", recipients=("a@x",), content=b"Message-ID: <Q@b>\r\n\r\n", at=2)
    box.deliver(provider="two", recipients=("b@x",), content=CONTENT + b"again", at=3)

    def at(message: str = "", recipient: str = "") -> int:
        copy = box.latest(message, recipient)
        return copy.at if copy else 0

    assert (at(), at(recipient="A@x"), at("01AB"), at("01ab", "a@x"), at("<q@b>")) == (3, 2, 3, 1, 2)
    assert (at("<q@b>", "b@x"), at("02"), at(recipient="c@x")) == (0, 0, 0)
    box.clear()
    assert box.latest() is None


def test_a_killed_lab_can_be_asked_by_its_file(tmp_path: Path) -> None:
    """Arrivals are in the file at once; a line cut short by the kill is left out."""
    file = tmp_path / "mailbox.jsonl"
    box = Mailbox(file)
    box.deliver(provider="one", recipients=("a@x",), content=CONTENT, at=1)
    with file.open("ab") as cut:
        cut.write(b'{"id": "01')
    assert read_arrivals(file) == list(box.arrivals())
    box.close()


def test_header_values_are_unfolded_and_only_from_the_header() -> None:
    """A folded value is one line; a header look-alike in the body does not count."""
    content = b"Subject: a\r\n b\r\nX-Other: 1\r\n\r\nX-Posthorse-Id: 99\r\n"
    assert header_values(content, (b"subject", b"x-posthorse-id")) == {b"subject": "a b"}
