"""Translation tables: rows that say what a foreign reply means for us, the first that fits decides.

Promise: rows are data, read from top to bottom, so that a table can be tested row by row. An address quoted in a reply
is no statement about anything: it is not looked at.

Left out: the tables themselves (`smtp_replies`, `ses_replies`, `sendgrid_replies`, `postmark_replies`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from re import Pattern
from typing import Generic, TypeVar

from posthorse.mail.outcome import Deferral, Fault, Handover, Outcome, Rejection, Reply, Scope, Throttle, Unclear

S = TypeVar("S", bound=Enum)


class Phase(Enum):
    """When an answer over HTTP came, or did not come: the stages of those tables."""

    BEFORE = "before"
    """Before the release: the provider cannot have had the whole request."""
    AFTER = "after"
    OURS = "ours"
    """Before anything was asked: what we bring to the connection is wrong."""


_ADDRESS = re.compile(r"<[^>]*>|[^\s'\"<>]+@\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[S]):
    """One line of a table; no stages, or no pattern: fits all."""

    stages: tuple[S, ...] = ()
    code: Pattern[str] | None = None
    """Fits from the first digit of the code, written with three digits."""
    enhanced: Pattern[str] | None = None
    """Fits from the beginning of the enhanced code or the provider's error name."""
    text: Pattern[str] | None = None
    """Sought anywhere in the text; case does not matter."""
    kind: type[Outcome]
    scope: Scope
    retry_after_s: float | None = None

    def fits(self, stage: S, reply: Reply) -> bool:
        """Whether this row speaks about the reply."""
        return (
            (not self.stages or stage in self.stages)
            and (self.code is None or self.code.match(f"{reply.code:03}") is not None)
            and (self.enhanced is None or self.enhanced.match(reply.enhanced) is not None)
            and (self.text is None or self.text.search(reply.text) is not None)
        )

    def outcome(self, reply: Reply) -> Outcome:
        """The outcome this row gives."""
        if self.kind is Handover:
            return Handover(reply=reply)
        if self.kind is Deferral:
            return Deferral(scope=self.scope, reply=reply, retry_after_s=self.retry_after_s)
        if self.kind is Throttle:
            return Throttle(scope=self.scope, reply=reply, retry_after_s=self.retry_after_s)
        if self.kind is Rejection:
            return Rejection(scope=self.scope, reply=reply)
        if self.kind is Fault:
            return Fault(scope=self.scope, reply=reply)
        return Unclear(scope=self.scope, reply=reply)


def row(
    kind: type[Outcome],
    scope: Scope,
    *stages: S,
    code: str = "",
    enhanced: str = "",
    text: str = "",
    retry_after_s: float | None = None,
) -> Row[S]:
    """A row, its patterns written as regular expressions."""
    return Row(
        stages=stages,
        code=re.compile(code) if code else None,
        enhanced=re.compile(enhanced) if enhanced else None,
        text=re.compile(text, re.IGNORECASE) if text else None,
        kind=kind,
        scope=scope,
        retry_after_s=retry_after_s,
    )


def first_fit(rows: Sequence[Row[S]], stage: S, reply: Reply) -> Row[S]:
    """The row that decides. The last row of a table fits everything."""
    if "@" in reply.text or "<" in reply.text:
        reply = Reply(code=reply.code, enhanced=reply.enhanced, text=_ADDRESS.sub("", reply.text))
    return next(row for row in rows if row.fits(stage, reply))
