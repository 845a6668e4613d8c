"""One connection to a simulated provider, whatever its wire, without a network in between."""

from posthorse.lab.faults import Fault, FaultSetting
from posthorse.lab.smtp_provider import smtp_factory
from posthorse.lab.smtp_terms import SmtpTerms
from posthorse.lab.world.loop import WorldLoop, run_world
from tests.unit.lab.stand import new_provider
from tests.unit.lab.test_answers import Ear

MAIL = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"


def test_what_comes_while_an_answer_is_withheld_is_taken_afterwards() -> None:
    """Nothing of it is answered, lost or taken twice; the withheld answer goes first."""

    async def story(loop: WorldLoop) -> None:
        del loop
        provider, ear = new_provider("relay"), Ear()
        peer = smtp_factory(provider, SmtpTerms())()
        peer.connection_made(ear)
        peer.data_received(b"EHLO x\r\n" + MAIL + b"\r\n")
        await provider.set_fault(FaultSetting(fault=Fault.HANG_AFTER_DOT))
        said = len(ear.heard)
        for piece in (b".\r\n", b"NOOP\r", b"\nVRFY x\r\n"):
            peer.data_received(piece)
        assert len(ear.heard) == said
        await provider.set_fault(None)
        text = b"".join(piece for _, piece in ear.heard[said:]).decode()
        assert [line[:3] for line in text.splitlines()] == ["250", "250", "502"]
        assert "queued" in text.splitlines()[0]
        assert len(provider.mailbox) == 1

    run_world(story, 1)


def test_a_deaf_provider_pauses_and_goes_on() -> None:
    """What slips in while reading is being paused is kept for afterwards."""

    async def story(loop: WorldLoop) -> None:
        del loop
        provider, ear = new_provider("relay"), Ear()
        peer = smtp_factory(provider, SmtpTerms())()
        await provider.set_fault(FaultSetting(fault=Fault.NEVER_READ))
        peer.connection_made(ear)
        peer.data_received(b"EHLO x\r\n")
        assert (ear.heard, ear.reading) == ([], False)
        await provider.set_fault(None)
        assert ear.reading
        assert b"".join(piece for _, piece in ear.heard).count(b"220 ") == 1
        assert b"250 " in ear.heard[-1][1]

    run_world(story, 1)
