"""A whole lab in this process, asked as another process would ask it."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from posthorse.lab.faults import Fault, Wire
from posthorse.lab.http_line import HttpLine
from posthorse.lab.mailbox import read_arrivals
from posthorse.lab.remote import LabRefused, LabRemote, LabUnreachable
from posthorse.lab.roster import Entry, Roster, RosterWrong, parse_address, read_roster, short_entry, with_providers
from posthorse.lab.serve import Lab
from tests.unit.lab.catcher import Catcher
from tests.unit.lab.stand import MAIL, greeted
from tests.unit.lab.test_http_faults import ID, REQUESTS

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def in_lab(roster: Roster, story: Callable[[Lab, LabRemote], None]) -> Coroutine[Any, Any, None]:
    """Open the lab and tell the story in a thread, as a client of it."""

    async def told() -> None:
        lab = Lab(roster)
        await lab.open()
        try:
            await asyncio.to_thread(story, lab, LabRemote(url=lab.control_url))
        finally:
            await lab.close()
            await asyncio.sleep(0)

    return told()


def test_faults_and_mailbox_over_the_control(run: Run, tmp_path: Path) -> None:
    """Send, give a fault, send again, ask what arrived, reset: all from outside."""
    file = tmp_path / "mailbox.jsonl"
    entry = Entry(name="relay", kind="smtp")
    roster = Roster(providers=(entry,), control="127.0.0.1:0", mailbox_file=str(file))

    def story(lab: Lab, remote: LabRemote) -> None:
        port = lab.describe()["providers"]["relay"]["port"]
        with smtplib.SMTP("127.0.0.1", port, "client.example") as client:
            client.sendmail("a@b.example", ["c@d.example"], MAIL)
            assert remote.set_fault("relay", Fault.ACCEPT_AND_DROP, for_s=60)["fault"] == "accept_and_drop"
            client.sendmail("a@b.example", ["c@d.example"], MAIL)
            remote.set_fault("relay", None)
            client.sendmail("a@b.example", ["c@d.example"], MAIL)
        (stands,) = remote.providers()
        assert stands["messages"] == {"taken": 2, "dropped": 1}
        answer = remote.mailbox("0190AA")
        assert (answer["arrivals_total"], answer["messages"], len(answer["arrivals"])) == (2, 1, 2)
        assert answer["duplicates"] == [{"id": "0190aa", "recipient": "c@d.example", "extra": 1}]
        assert remote.arrivals() == read_arrivals(file)
        assert [row["content"] for row in remote.exchanges("relay")] == [MAIL] * 3
        remote.reset()
        assert remote.mailbox()["arrivals_total"] == 0
        assert len(read_arrivals(file)) == 2

    run(in_lab(roster, story))


def test_one_can_wait_for_mail(run: Run) -> None:
    """The answer comes with the message, or when the time is over."""
    roster = Roster(providers=(Entry(name="relay", kind="smtp"),), control="127.0.0.1:0")

    async def story() -> None:
        lab = Lab(roster)
        await lab.open()
        remote = LabRemote(url=lab.control_url)
        assert (await asyncio.to_thread(remote.mailbox_with, 1, 0.05))["messages"] == 0
        asking = [asyncio.create_task(asyncio.to_thread(remote.mailbox_with, 1, 20)) for _ in range(2)]
        line = await greeted(lab.describe()["providers"]["relay"]["port"])
        await line.offer()
        assert [answer["messages"] for answer in await asyncio.gather(*asking)] == [1, 1]
        assert not lab.mailbox.listeners
        await line.close()
        await lab.close()

    run(story())


def test_the_control_says_what_it_does_not_know(run: Run) -> None:
    """Unknown provider, fault, field and path are refused with their names."""
    roster = Roster(providers=(Entry(name="relay", kind="smtp"),), control="127.0.0.1:0")

    def story(lab: Lab, remote: LabRemote) -> None:
        del lab
        with pytest.raises(LabRefused, match="no provider is named other"):
            remote.set_fault("other", Fault.REFUSE)
        for fields, why in (
            ({"fault": "nonsense"}, "no fault is named nonsense"),
            ({"fault": "refuse", "forever": True}, "forever"),
            ({"fault": "refuse", "stage": "moon"}, "moon"),
            ({"fault": "refuse", "for_s": "x"}, "x"),
        ):
            with pytest.raises(LabRefused, match=why):
                remote._ask("POST", "/faults/relay", fields)
        with pytest.raises(LabRefused, match="no GET /moon here"):
            remote._ask("GET", "/moon")

    run(in_lab(roster, story))


def test_nobody_there_is_said_so() -> None:
    """A closed port is a lab that does not answer."""
    with pytest.raises(LabUnreachable, match="no lab answers"):
        LabRemote(url="http://127.0.0.1:1").providers()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_can_be_verified_with_the_labs_own_certificate(run: Run, tls: str) -> None:
    """A client that trusts the announced file, and only it, sends over TLS and with AUTH."""
    entry = Entry(name="relay", kind="smtp", tls=tls, username="u", password="p")  # type: ignore[arg-type]
    roster = Roster(providers=(entry,), control="127.0.0.1:0")

    def story(lab: Lab, remote: LabRemote) -> None:
        said = lab.describe()
        context = ssl.create_default_context(cafile=said["ca_file"])
        host, port = "127.0.0.1", said["providers"]["relay"]["port"]
        if tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, "client.example", context=context)
        else:
            client = smtplib.SMTP(host, port, "client.example")
            client.starttls(context=context)
        with client:
            client.login("u", "p")
            client.sendmail("a@b.example", ["c@d.example"], MAIL)
        assert remote.mailbox()["messages"] == 1

    run(in_lab(roster, story))


def test_a_lab_that_cannot_listen_leaves_nothing_open(run: Run) -> None:
    """The second lab on one port is refused and gives back what it had taken."""

    async def story() -> None:
        first = Lab(Roster(providers=(Entry(name="a", kind="smtp"),), control="127.0.0.1:0"))
        await first.open()
        port = parse_address(first.control_url)[1]
        second = Lab(Roster(providers=(Entry(name="a", kind="ses"),), control=f"127.0.0.1:{port}"))
        with pytest.raises(OSError, match="in use"):
            await second.open()
        await first.close()

    run(story())


def test_a_roster_says_who_is_told_what_becomes_of_mail(run: Run) -> None:
    """Without anybody asking at run time; a listed fate and a listed suppression are what happens."""

    async def story() -> None:
        async with Catcher().listening() as catcher:
            entry = Entry(
                name="p",
                kind="postmark",
                hooks=catcher.url,
                fates={"A@there.example": "soft"},
                suppressed=("B@there.example",),
            )
            lab = Lab(Roster(providers=(entry,), control="127.0.0.1:0"))
            await lab.open()
            path, headers, request = REQUESTS[Wire.POSTMARK]
            body = json.dumps(request | {"To": "a@there.example, b@there.example"}).encode()
            line = HttpLine(lab.describe()["providers"]["p"]["endpoint"], timeout_s=5)
            assert b"inactive addresses: b@there.example" in (await line.ask("POST", path, headers, body)).body
            await catcher.until(lambda: len(catcher.requests) == 1)
            told = json.loads(catcher.requests[0].body)
            assert (told["Type"], told["Email"], told["Metadata"]) == ("SoftBounce", "a@there.example", ID)
            line.close()
            await lab.close()
            await asyncio.sleep(0)

    run(story())


def test_a_roster_from_a_file(tmp_path: Path) -> None:
    """Every field of the file arrives."""
    file = tmp_path / "lab.toml"
    file.write_text(
        'control = "127.0.0.1:0"\n[[providers]]\nname = "a"\nkind = "ses"\nlatency = "100ms"\n'
        '[providers.scripts]\n"x@y.example" = ["451 4.2.1 later"]\n'
    )
    (entry,) = read_roster(file).providers
    assert (entry.kind, entry.latency_s, entry.scripts) == ("ses", 0.1, {"x@y.example": ("451 4.2.1 later",)})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no provider"),
        ('[[providers]]\nname = "a"\nkind = "fax"', "fax"),
        ('[[providers]]\nname = "a"\nkind = "ses"\ncolour = "red"', "colour"),
        ('[[providers]]\nname = "a"\nkind = "ses"\n[[providers]]\nname = "a"\nkind = "smtp"', "twice"),
        ('[[providers]]\nname = "a"\nkind = "ses"\nlisten = "nowhere"', "nowhere"),
        ('[[providers]]\nname = "a"\nkind = "ses"\nlatency = "soon"', "soon"),
        ('[[providers]]\nname = "a"\nkind = "ses"\nhooks = "https://x"', "HOST:PORT"),
        ('[[providers]]\nname = "a"\nkind = "ses"\n[providers.fates]\n"a@b.example" = "eaten"', "eaten"),
        ("[[", "lab.toml"),
    ],
)
def test_a_wrong_roster_says_what_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    """The file and the remedy are named."""
    file = tmp_path / "lab.toml"
    file.write_text(text)
    with pytest.raises(RosterWrong, match=why):
        read_roster(file)


def test_short_forms() -> None:
    """NAME:PORT of the command line; a name twice is noticed across both."""
    entry = short_entry("ses", "ses-a:9101")
    assert (entry.name, entry.listen) == ("ses-a", "127.0.0.1:9101")
    with pytest.raises(RosterWrong, match="NAME:PORT"):
        short_entry("smtp", "9101")
    with pytest.raises(RosterWrong, match="twice"):
        with_providers(Roster(), [entry, entry])
    assert parse_address("[::1]:25") == ("::1", 25)
    assert parse_address("25") == ("127.0.0.1", 25)
