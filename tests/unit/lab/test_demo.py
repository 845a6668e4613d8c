"""The demo's picture and verdict, without playing it."""

import io

import pytest
from rich.console import Console

from posthorse.cli.demo import PlainLines, by_api, drawn, verdict
from posthorse.lab.demo import Ending, Happening, Picture, Play, ProviderPicture
from posthorse.lab.ledger import ledger
from posthorse.lab.load_mail import LoadReport, Receipt

PICTURE = Picture(
    at_s=6.5,
    happened=(
        Happening(at_s=5.0, words="first becomes a black hole"),
        Happening(at_s=6.4, words="first is ejected: 5 failures in a row"),
    ),
    offered=500,
    accepted=499,
    arrived=450,
    confirmed=440,
    providers=(
        ProviderPicture(
            name="first", fault="no_syn_ack", standing="ejected", why="faults", in_use=0, arrived=400, per_s=0
        ),
        ProviderPicture(name="second", fault="none", standing="good", why="", in_use=3, arrived=50, per_s=80.4),
    ),
    oldest_s={"urgent": 1.5},
    in_doubt=7,
    queued=42,
    under_way=9,
)


def test_the_picture_shows_rates_standings_and_the_oldest() -> None:
    """Each provider's standing and rate, and what waits, can be read off the terminal."""
    console = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
    console.print(drawn(PICTURE, Play()))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in (
        "6.5 s of 30",
        "black hole",
        "ejected",
        "no_syn_ack",
        "80",
        "450",
        "confirmed 440",
        "oldest queued: urgent 1.5 s",
    ):
        assert words in text


def test_plain_lines_come_once_a_second() -> None:
    """A log gets one line a second, not one a picture, and one for each thing that happened."""
    out = io.StringIO()
    lines = PlainLines(out)
    for _ in range(3):
        lines.show(PICTURE)
    assert out.getvalue().count("\n") == 3
    assert "  6.4 s  -- first is ejected: 5 failures in a row\n" in out.getvalue()
    assert "second 80/s (good)" in out.getvalue()
    assert "in doubt 7" in out.getvalue()


@pytest.mark.parametrize(
    ("offered", "receipts", "words"),
    [
        (0, 0, "Nothing was lost"),
        (3, 0, "not accepted: 3 messages"),
        (1, 1, "1 lost"),
    ],
)
def test_the_verdict_says_what_was_not_good(offered: int, receipts: int, words: str) -> None:
    """Good only if all was accepted, nothing lost, nothing forbidden doubled."""
    held = [
        Receipt(
            load_id="a",
            receipt="a",
            stream="once",
            recipient="r@x",
            offered_at=0,
            accepted_at=0,
            tries=1,
            repeated=False,
        )
    ] * receipts
    ending = Ending(account=ledger(held, [], []), load=LoadReport(offered=offered, accepted=receipts), api_client="x")
    assert words in verdict(ending)
    assert by_api(ending) == "offered by the SES API: 0, by x; the rest by SMTP"
    assert ending.is_good == words.startswith("Nothing")
