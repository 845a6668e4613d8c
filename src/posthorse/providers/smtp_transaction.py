"""One transaction on one line: the envelope, the content, the release, the answer.

Promise: the content's end is written only after the release gate said yes; after that only a complete answer is
certain. A line on which a transaction was left half-way is reset before the next one, or closed where that cannot be
known to work.

Left out: which line, and what is tried next (`smtp`).
"""

import asyncio
from collections.abc import Sequence

from posthorse.mail.outcome import NO_REPLY, Handover, Outcome, Reply
from posthorse.providers.content import end_of_data, stuffed, stuffed_slices
from posthorse.providers.line import PIECE_BYTES
from posthorse.providers.port import HandoverGroup, ReleaseGate
from posthorse.providers.smtp_core import Features, mail_command
from posthorse.providers.smtp_line import SERVICE_CLOSING, LineFailed, SmtpLine
from posthorse.providers.smtp_replies import Stage, translate

_GO_ON = 354


class Answers:
    """What the server said to MAIL, each RCPT and DATA; commands without an answer share what ended the line."""

    __slots__ = ("_ended", "_replies", "lost")

    def __init__(self, replies: list[Reply], ended: Reply, *, lost: bool) -> None:
        self._replies = replies
        self._ended = ended
        self.lost = lost
        """The connection was dead, or being closed, before it could be used: nothing at all was given."""

    def at(self, position: int) -> Reply:
        """The answer to the command at this position."""
        return self._replies[position] if position < len(self._replies) else self._ended


def is_yes(reply: Reply) -> bool:
    """Whether the command, or the content, was accepted (RFC 5321 section 4.3.2)."""
    return 250 <= reply.code < 260


async def give_envelope(line: SmtpLine, group: HandoverGroup, *, smtputf8: bool) -> Answers:
    """Name sender and recipients and ask to send the content."""
    line.uses += 1
    commands = _commands(group, line.features, smtputf8=smtputf8)
    resets = line.needs_reset
    if resets:
        commands.insert(0, "RSET\r\n")
    answer_s, ended = group.limits.answer_s, NO_REPLY
    if line.features.pipelining:  # all commands in one write (RFC 2920)
        try:
            replies = await line.say("".join(commands).encode(), len(commands), answer_s)
        except LineFailed as failed:
            replies, ended = failed.replies, failed.reply
    else:
        replies, ended = await _tell_by_turns(line, commands, answer_s)
    closing = bool(replies) and replies[0].code == SERVICE_CLOSING
    lost = closing or (not replies and line.lost)
    if resets:
        lost = lost or (bool(replies) and not is_yes(replies[0]))
        line.needs_reset = False
        replies = replies[1:]
    return Answers(replies, ended, lost=lost)


def judge_envelope(line: SmtpLine, group: HandoverGroup, answers: Answers) -> tuple[dict[int, Outcome], list[int]]:
    """(outcomes of those refused, numbers of those for whom the content may be sent)."""
    outcomes: dict[int, Outcome] = {}
    accepted: list[int] = []
    mail, data = answers.at(0), answers.at(len(group.recipients) + 1)
    if not is_yes(mail):
        outcomes = dict.fromkeys((n for n, _ in group.recipients), translate(Stage.MAIL, mail))
    else:
        for position, (n, _) in enumerate(group.recipients, 1):
            reply = answers.at(position)
            if is_yes(reply):
                accepted.append(n)
            else:
                outcomes[n] = translate(Stage.RCPT, reply)
    if accepted and data.code == _GO_ON:
        return outcomes, accepted
    outcomes.update(dict.fromkeys(accepted, translate(Stage.DATA, data)))
    _leave(line, data)
    return outcomes, []


def _leave(line: SmtpLine, data: Reply) -> None:
    """No content follows. Only a server that refused DATA, or was not asked, can be made to forget by RSET."""
    if data.code == 0 or data.code >= 400:
        line.needs_reset = True
    else:
        line.abort()


def _commands(group: HandoverGroup, features: Features, *, smtputf8: bool) -> list[str]:
    message = group.message
    mail = mail_command(message.sender, len(group.body), features, eight_bit=message.eight_bit, smtputf8=smtputf8)
    return [mail, *(f"RCPT TO:<{address}>\r\n" for _, address in group.recipients), "DATA\r\n"]


async def _tell_by_turns(line: SmtpLine, commands: list[str], answer_s: float) -> tuple[list[Reply], Reply]:
    """One command after the other, as long as they lead somewhere."""
    replies: list[Reply] = []
    somebody = False
    for command in commands:
        if command.startswith("DATA") and not somebody:
            break
        try:
            (reply,) = await line.say(command.encode(), 1, answer_s)
        except LineFailed as failed:
            return replies + failed.replies, failed.reply
        replies.append(reply)
        if command.startswith("RCPT"):
            somebody = somebody or is_yes(reply)
        elif not is_yes(reply):
            break
    return replies, Reply(text="not asked")


async def give_content(
    line: SmtpLine, group: HandoverGroup, accepted: Sequence[int], gate: ReleaseGate
) -> dict[int, Outcome]:
    """Send the body while the release mark commits, then its end, and await the answer. Empty: the gate said no."""
    if len(group.body) <= PIECE_BYTES:
        line.send(stuffed(group.body))
        if line.congested:
            await line.drain(group.limits.answer_s)
    else:
        await _pour_content(line, group.body, group.limits.answer_s)
    if not line.usable:
        return dict.fromkeys(accepted, translate(Stage.DATA, line.word))
    if not await gate(accepted):
        line.abort()
        return {}
    reply = await _end_content(line, end_of_data(group.body))
    outcome = Handover(reply=reply) if is_yes(reply) else translate(Stage.DOT, reply)
    return dict.fromkeys(accepted, outcome)


async def _pour_content(line: SmtpLine, content: bytes, stall_s: float) -> None:
    """All but the end of large content, in slices and with turns for others."""
    for piece in stuffed_slices(content):
        await line.pour(piece, stall_s)
        if line.is_over:
            return
        await asyncio.sleep(0)


async def _end_content(line: SmtpLine, ending: bytes) -> Reply:
    """The answer to a released transaction; code 0: there was none."""
    try:
        (reply,) = await line.say(ending, 1, None)
    except LineFailed as failed:
        refusals = [reply for reply in failed.replies if reply.code >= 400]
        return refusals[-1] if refusals else failed.reply
    return reply
