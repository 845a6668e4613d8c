"""The closed set of faults and its table."""

from posthorse.lab.faults import SHEETS, Fault, FaultSetting, Shape, Side, Wire
from posthorse.lab.refusals import HTTP_REFUSALS, SMTP_REFUSALS, wire_words


def test_every_fault_has_a_sheet_and_a_sentence() -> None:
    """Nobody can switch on a fault whose meaning is not written down, for every wire."""
    assert set(SHEETS) == set(Fault)
    for fault, sheet in SHEETS.items():
        assert sheet.fault is fault
        assert all(wire_words(fault, wire) for wire in Wire)


def test_a_refusal_has_a_complete_answer_on_every_wire() -> None:
    """Exactly the faults that are refusals have a reply for SMTP and an answer of each HTTP API."""
    refusals = {fault for fault, sheet in SHEETS.items() if sheet.shape is Shape.REFUSAL}
    assert set(SMTP_REFUSALS) == refusals
    assert set(HTTP_REFUSALS) == set(Wire) - {Wire.SMTP}
    assert all(set(table) == refusals for table in HTTP_REFUSALS.values())


def test_what_takes_the_mail_lies_after_the_release() -> None:
    """A fault before the release cannot have taken the mail; a slow provider takes it in the end."""
    for sheet in SHEETS.values():
        if sheet.takes and sheet.fault is not Fault.SLOW:
            assert sheet.smtp_side is Side.AFTER
            assert sheet.http_side is Side.AFTER


def test_a_setting_may_say_otherwise_whether_mail_is_taken() -> None:
    """The sheet's word holds unless the setting gives another."""
    assert FaultSetting(fault=Fault.HANG_AFTER_DOT).takes_mail
    assert not FaultSetting(fault=Fault.HANG_AFTER_DOT, takes=False).takes_mail
