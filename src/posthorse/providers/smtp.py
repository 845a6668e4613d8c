"""The provider `smtp`: any relay or service that takes mail by SMTP submission (RFC 6409).

One attempt is one transaction on a pooled connection: MAIL, RCPT and DATA in one write where the server offers
PIPELINING (RFC 2920), the body as soon as the server asks for it, the final dot once the release gate said yes.

Promise: without the gate's yes the dot is never written and the connection is torn down, so no server may take the
mail (RFC 5321 section 4.1.1.4). A kept connection that turns out dead before that is replaced once, unnoticed.

Left out: DSN and CHUNKING; downgrading 8-bit or internationalised mail (another provider may carry it).
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Outcome, Rejection, Reply, Scope, Throttle
from posthorse.mail.ports import Dialer, TlsMode
from posthorse.providers.content import is_safe_in_turns
from posthorse.providers.line import IdlePool
from posthorse.providers.port import AttemptReport, Capability, Fidelity, HandoverGroup, Limits, ReleaseGate
from posthorse.providers.smtp_core import Features, is_safe_address
from posthorse.providers.smtp_line import SmtpLine
from posthorse.providers.smtp_open import OpeningFailed, Server, open_line
from posthorse.providers.smtp_replies import translate
from posthorse.providers.smtp_transaction import give_content, give_envelope, judge_envelope

_UNLIMITED_BYTES = 1 << 40
_UNWRITABLE = Rejection(scope=Scope.RECIPIENT, reply=Reply(text="the address cannot be written in SMTP"))


class SmtpProvider:
    """One SMTP server under one account. Implements `posthorse.providers.port.Provider`."""

    kind = "smtp"

    def __init__(
        self,
        *,
        name: ProviderName,
        host: str,
        port: int,
        tls: TlsMode,
        dialer: Dialer,
        helo: str,
        username: str = "",
        password: str = "",
        ca_file: str = "",
        max_recipients: int = 100,
        max_idle: int = 100,
        idle_limit_s: float = 30.0,
        max_messages: int = 1_000,
    ) -> None:
        """`helo`: our name in EHLO; `max_messages`: transactions before a connection is given up."""
        self.name = name
        self._server = Server(
            host=host, port=port, tls=tls, ca_file=ca_file, helo=helo, username=username, password=password
        )
        self._dialer = dialer
        self._pool: IdlePool[SmtpLine] = IdlePool(most=max_idle, idle_limit_s=idle_limit_s, most_uses=max_messages)
        self._features = Features()
        self.capability = Capability(
            fidelity=Fidelity.EXACT,
            separate_envelope=True,
            max_recipients=max_recipients,
            max_size_bytes=_UNLIMITED_BYTES,
            smtputf8=True,
        )

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once; see the port."""
        refused = _unsendable(group, is_safe=await is_safe_in_turns(group.body))
        if refused:
            rest = tuple(one for one in group.recipients if one[0] not in refused)
            if not rest:
                return AttemptReport(outcomes=refused)
            report = await self._attempt(replace(group, recipients=rest), gate)
            return AttemptReport(outcomes={**refused, **report.outcomes})
        return await self._attempt(group, gate)

    async def prepare(self, connections: int) -> None:
        """Open connections until this many are idle."""
        await asyncio.gather(*(self._prepare_one() for _ in range(self._pool.missing(connections))))

    async def close(self) -> None:
        """Close idle connections, and from now on every connection after its attempt."""
        self._pool.close()

    # --- details ----------------------------------------------------------------------------------------------------

    async def _attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        kept = self._pool.take()
        if kept is not None:
            report = await self._transact(kept, group, gate, kept=True)
            if report is not None:
                return report
        try:
            line = await self._open(group.limits)
        except OpeningFailed as failed:
            return _same_for_all(group, translate(failed.stage, failed.reply))
        report = await self._transact(line, group, gate, kept=False)
        assert report is not None, "only a kept line may turn out stale"
        return report

    async def _open(self, limits: Limits) -> SmtpLine:
        line = await open_line(self._server, self._dialer, limits)
        if line.features != self._features:
            self._features = line.features
            self.capability = replace(
                self.capability,
                max_size_bytes=line.features.max_size_bytes or _UNLIMITED_BYTES,
                smtputf8=line.features.smtputf8,
            )
        return line

    async def _prepare_one(self) -> None:
        try:
            self._pool.give(await self._open(Limits()))
        except OpeningFailed:
            return

    async def _transact(
        self, line: SmtpLine, group: HandoverGroup, gate: ReleaseGate, *, kept: bool
    ) -> AttemptReport | None:
        """One transaction; afterwards the line is in the pool or closed. None: it was stale, nothing was sent."""
        try:
            report = await self._transaction(line, group, gate, kept=kept)
        except BaseException:
            line.abort()
            raise
        self._pool.give(line)
        return report

    async def _transaction(
        self, line: SmtpLine, group: HandoverGroup, gate: ReleaseGate, *, kept: bool
    ) -> AttemptReport | None:
        smtputf8 = _needs_smtputf8(group)
        refusal = _uncarriable(group, line.features, smtputf8=smtputf8)
        if refusal is not None:
            return _same_for_all(group, refusal)
        answers = await give_envelope(line, group, smtputf8=smtputf8)
        if kept and answers.lost:
            line.abort()
            return None
        outcomes, accepted = judge_envelope(line, group, answers)
        if outcomes:
            self._learn(len(accepted), outcomes.values())
        if accepted:
            outcomes |= await give_content(line, group, accepted, gate)
        return AttemptReport(outcomes=outcomes)

    def _learn(self, accepted: int, refused: Collection[Outcome]) -> None:
        """A server that hears only so many recipients at once gets no more next time.

        It heard whom it refused for any other reason, too: what counts are the answers besides those of the limit.
        """
        too_many = sum(_is_one_too_many(no) for no in refused)
        heard = accepted + sum(no.reply.code > 0 for no in refused) - too_many
        if too_many and 0 < heard < self.capability.max_recipients:
            self.capability = replace(self.capability, max_recipients=heard)


def _is_one_too_many(outcome: Outcome) -> bool:
    return isinstance(outcome, Throttle) and outcome.scope is Scope.MESSAGE


def _needs_smtputf8(group: HandoverGroup) -> bool:
    message = group.message
    return message.smtputf8 or not (message.sender + "".join([address for _, address in group.recipients])).isascii()


def _unsendable(group: HandoverGroup, *, is_safe: bool) -> dict[int, Outcome]:
    """Outcomes of those whom no SMTP server may be given: what they stand for could not be written safely."""
    why = ""
    if not is_safe:
        why = "the content has a bare CR, a bare LF or a NUL"
    elif not is_safe_address(group.message.sender):
        why = "the sender's address cannot be written in SMTP"
    if why:
        outcome: Outcome = Rejection(scope=Scope.MESSAGE, reply=Reply(text=why))
        return dict.fromkeys((n for n, _ in group.recipients), outcome)
    return {n: _UNWRITABLE for n, address in group.recipients if not address or not is_safe_address(address)}


def _uncarriable(group: HandoverGroup, features: Features, *, smtputf8: bool) -> Outcome | None:
    """Why this server cannot carry the group though another may; None: it can."""
    if smtputf8 and not features.smtputf8:
        why = "the server does not offer SMTPUTF8"
    elif group.message.eight_bit and not features.eight_bit:
        why = "the server does not offer 8BITMIME"
    elif 0 < features.max_size_bytes < len(group.body):
        why = f"the server takes {features.max_size_bytes} bytes at most"
    else:
        return None
    return Rejection(scope=Scope.CHANNEL, reply=Reply(text=why))


def _same_for_all(group: HandoverGroup, outcome: Outcome) -> AttemptReport:
    return AttemptReport(outcomes=dict.fromkeys((n for n, _ in group.recipients), outcome))
