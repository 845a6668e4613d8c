"""The log: one JSON object per line, written by a few string operations.

Promise: a line costs a few microseconds; control characters and everything outside ASCII are escaped, so that no text
from outside can forge a line or reach a terminal; warnings are written at once, the rest when the buffer is full, once
a second, and at the end. What the sink does not take (a full disk) is lost, counted, and told in one line when it takes
lines again; a line that went out in part is ended before the next begins. Standard logging is not used on the mail's
path: it costs more than the mail.

Left out: what is said about mail (`mail_log`), rotation (the file may be moved away: it is opened again on SIGHUP by
the daemon).
"""

import asyncio
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted

from posthorse.mail.ports import Clock

FLUSH_EVERY_S = 1.0
FLUSH_AT_BYTES = 32 << 10
MOST_TEXT = 1_000
"""Characters kept of a text from outside."""

_ADDRESS = re.compile(r"[^\s<>\"']*@[^\s<>\"']*")

Sink = Callable[[bytes], object]
"""Takes lines, as `os.write` does: an int tells how many bytes were taken, anything else that all were, an OSError that
none was. Mail goes on without a log, so nothing of it is raised."""


class Log:
    """Writes lines to one sink."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._lines: list[str] = []
        self._held_bytes = 0
        self._second = -1
        self._prefix = ""
        self._told: dict[tuple[str, ...], tuple[int, int]] = {}
        """By kind and place: the second in which it was told last, and how many were not told since."""
        self._torn = False
        self._untold = 0
        self.lost = 0
        """Lines that the sink did not take, or only in part."""
        self.on_lost: Callable[[int], None] = lambda lines: None
        """Told of so many lines more."""

    def line(self, event: str, fields: str = "") -> None:
        """One line; `fields` is the inside of a JSON object, already encoded, beginning with a comma, or empty."""
        text = f'{{"at":"{self._now()}","level":"info","event":"{event}"{fields}}}\n'
        self._lines.append(text)
        self._held_bytes += len(text)
        if self._held_bytes >= FLUSH_AT_BYTES:
            self.flush()

    def notice(self, event: str, fields: str = "") -> None:
        """One line about the gateway itself, written at once."""
        self._at_once("notice", event, fields)

    def warn(self, event: str, fields: str = "") -> None:
        """One line that somebody should see now."""
        self._at_once("warning", event, fields)

    def trouble(self, event: str, where: str, error: BaseException) -> None:
        """A warning with what went wrong, and where in our code; of the same kind at the same place one a second."""
        withheld = self._withheld((event, where, type(error).__qualname__))
        if withheld is None:
            return
        frames = traceback.extract_tb(error.__traceback__)[-5:]
        path = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        self.warn(
            event,
            text("where", where)
            + said("error", f"{type(error).__name__}: {error}")
            + text("code_at", path)
            + (f',"withheld":{withheld}' if withheld else ""),
        )

    def seldom(self, event: str, kind: tuple[str, ...], fields: str, *, level: str = "warning") -> None:
        """A line about what strangers can bring about; of the same kind one a second. `kind` is of a closed set."""
        withheld = self._withheld((event, *kind))
        if withheld is not None:
            self._at_once(level, event, fields + (f',"withheld":{withheld}' if withheld else ""))

    def _withheld(self, key: tuple[str, ...]) -> int | None:
        """How many of this kind were not told since the last one; None: this one is not to be told either."""
        second = self._clock.now() // 1_000_000
        last, withheld = self._told.get(key, (-1, 0))
        self._told[key] = (second, withheld + 1 if last == second else 0)
        return None if last == second else withheld

    def _at_once(self, level: str, event: str, fields: str) -> None:
        self._lines.append(f'{{"at":"{self._now()}","level":"{level}","event":"{event}"{fields}}}\n')
        self.flush()

    def flush(self) -> None:
        """Hand everything to the sink."""
        if not self._lines and not self._untold:
            return
        lines = "".join(self._lines).encode("ascii")
        self._lines.clear()
        self._held_bytes = 0
        head = self._amends()
        taken = self._write(head + lines)
        if taken < len(head) + len(lines) or self._untold:
            self._count_lost(head, lines, taken)

    def _amends(self) -> bytes:
        """What must be written first: the end of a torn line, and how many lines were lost."""
        told = ""
        if self._untold:
            told = f'{{"at":"{self._now()}","level":"warning","event":"log_lost","lines":{self._untold}}}\n'
        return ("\n" * self._torn + told).encode("ascii")

    def _write(self, data: bytes) -> int:
        """How many bytes the sink took: it may take them in parts."""
        taken = 0
        try:
            while taken < len(data):
                part = self._sink(data[taken:])
                taken += min(part, len(data)) if type(part) is int else len(data)
                if part == 0:
                    break
        except OSError:
            pass
        taken = min(taken, len(data))
        if taken:
            self._torn = not data.endswith(b"\n", 0, taken)
        return taken

    def _count_lost(self, head: bytes, lines: bytes, taken: int) -> None:
        lost = lines.count(b"\n", max(0, taken - len(head)))
        self._untold = lost + (0 if taken >= len(head) else self._untold)
        if lost:
            self.lost += lost
            self.on_lost(lost)

    async def keep_flushing(self) -> None:
        """Flush once a second until cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_EVERY_S)
                self.flush()
        finally:
            self.flush()

    def _now(self) -> str:
        """RFC 3339 with microseconds; the part down to the second is made once a second."""
        second, micros = divmod(self._clock.now(), 1_000_000)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{micros:06d}Z"


def text(name: str, value: str) -> str:
    """One field for `Log.line`, with a text from anywhere; nothing if it is empty."""
    return f',"{name}":{quoted(value[:MOST_TEXT])}' if value else ""


def said(name: str, value: str) -> str:
    """As `text`, for words that somebody else chose: whatever may be an address is taken out."""
    return text(name, _ADDRESS.sub("<address>", value)) if "@" in value else text(name, value)
