"""The parameters of a v1 request (AWS's Query protocol): flat names with dots, as a form or as a query.

Promise: bounded in number before anything is cut; a name given twice, or a list's place that is no number from 1 on, is
refused, since two readers would read it in two ways. Values stay escaped until they are asked for, so that a large one
is unescaped once and in turns.

Left out: which parameters an action has (`v1`).
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from posthorse.accept.ses.blobs import form_blob, form_text
from posthorse.accept.ses.errors import Kind, SesError

MAX_PARAMETERS = 2_000
MAX_NAME_BYTES = 512

_PLACE = re.compile(r"[1-9][0-9]{0,5}")


class Form:
    """The parameters of one request."""

    __slots__ = ("_values",)

    def __init__(self, encoded: bytes) -> None:
        """Raises `SesError`."""
        if encoded.count(b"&") >= MAX_PARAMETERS:
            raise SesError(Kind.UNREADABLE, f"A request has at most {MAX_PARAMETERS} parameters.")
        self._values: dict[str, bytes] = {}
        for part in encoded.split(b"&"):
            name, _, value = part.partition(b"=")
            if not part:
                continue
            if len(name) > MAX_NAME_BYTES:
                raise SesError(Kind.UNREADABLE, "The name of a parameter is too long.")
            plain = unquote_to_bytes(name.replace(b"+", b" ")).decode("latin-1")
            if plain in self._values:
                raise SesError(Kind.UNREADABLE, "A parameter stands there twice.")
            self._values[plain] = value

    def has(self, name: str) -> bool:
        """Whether the parameter is there, even empty."""
        return name in self._values

    async def text(self, name: str, most_bytes: int | None = None) -> str:
        """Its text; empty if it is not there. `most_bytes`: while it is escaped. Raises `SesError`."""
        value = self._values.get(name)
        if value and most_bytes is not None and len(value) > most_bytes:
            raise SesError(Kind.INVALID, f"{name} is too long.")
        return await form_text(value) if value else ""

    async def blob(self, name: str) -> bytes:
        """Its content, given in base64; empty if it is not there. Raises `SesError`."""
        value = self._values.get(name)
        return await form_blob(value) if value else b""

    async def number(self, name: str) -> int | None:
        """A whole number; None: it is not there. Raises `SesError`."""
        text = await self.text(name)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise SesError(Kind.INVALID, f"{name} must be a number.")
        return int(text)

    async def texts(self, name: str) -> list[str]:
        """The members of a list of texts, by their places. Raises `SesError`."""
        return [await self.text(f"{name}.member.{place}") for place in self.places(name)]

    def places(self, name: str) -> list[int]:
        """The places taken in a list, from the smallest on. Raises `SesError`."""
        return sorted(set(self._places(f"{name}.member.")))

    def _places(self, prefix: str) -> Iterator[int]:
        for given in self._values:
            if given.startswith(prefix):
                place = given[len(prefix) :].partition(".")[0]
                if not _PLACE.fullmatch(place):
                    raise SesError(Kind.UNREADABLE, "The places of a list are the numbers from 1 on.")
                yield int(place)
