"""The closed set of faults and its table."""

from posthorse.lab.faults import SES_REFUSALS, SHEETS, SMTP_REFUSALS, Fault, FaultSetting, Shape, Side


def test_every_fault_has_a_sheet_and_a_sentence() -> None:
    """Nobody can switch on a fault whose meaning is not written down, for both wires."""
    assert set(SHEETS) == set(Fault)
    for fault, sheet in SHEETS.items():
        assert sheet.fault is fault
        assert sheet.smtp
        assert sheet.ses


def test_a_refusal_has_a_complete_answer_on_both_wires() -> None:
    """Exactly the faults that are refusals have a reply for SMTP and an answer for SES."""
    refusals = {fault for fault, sheet in SHEETS.items() if sheet.shape is Shape.REFUSAL}
    assert set(SMTP_REFUSALS) == refusals
    assert set(SES_REFUSALS) == refusals


def test_what_takes_the_mail_lies_after_the_release() -> None:
    """A fault before the release cannot have taken the mail; a slow provider takes it in the end."""
    for sheet in SHEETS.values():
        if sheet.takes and sheet.fault is not Fault.SLOW:
            assert sheet.smtp_side is Side.AFTER
            assert sheet.ses_side is Side.AFTER


def test_a_setting_may_say_otherwise_whether_mail_is_taken() -> None:
    """The sheet's word holds unless the setting gives another."""
    assert FaultSetting(fault=Fault.HANG_AFTER_DOT).takes_mail
    assert not FaultSetting(fault=Fault.HANG_AFTER_DOT, takes=False).takes_mail
