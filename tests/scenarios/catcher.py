"""A customer's endpoint on a real socket: checks every signature with the reference library, and remembers all."""

import asyncio
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + b64encode(b"a secret of the tests, 32 bytes!").decode()
ANSWERS = {200: "OK", 410: "Gone", 500: "Internal Server Error", 503: "Service Unavailable"}


@dataclass
class Catcher:
    """Port 0 until it is open; keeps its port when it is closed and opened again."""

    port: int = 0
    status: int = 200
    events: list[dict[str, Any]] = field(default_factory=list)
    """What was taken, with the id of each as `webhook_id`."""
    requests: int = 0
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def config(self, name: str = "shop", more: str = "") -> str:
        """The `[[webhooks]]` of a gateway that is to tell it."""
        return (
            f'\n[[webhooks]]\nname = "{name}"\nurl = "http://127.0.0.1:{self.port}/{name}"\n'
            f'secret = "file:{name}-secret"\nallow_private = true\n{more}'
        )

    def ids(self, kind: str) -> Counter[str]:
        """How often each message's event of this type was taken."""
        return Counter(event["data"]["message_id"] for event in self.events if event["type"] == kind)

    async def until(self, look: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait until `look` says so, looking again at every request."""
        try:
            async with asyncio.timeout(within_s):
                while not look():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            kinds = Counter(event["type"] for event in self.events)
            raise AssertionError(f"not within {within_s} s; {self.requests} requests, taken: {kinds}") from None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])
                }
                body = await reader.readexactly(int(fields["content-length"]))
                self.requests += 1
                if self.status == 200:
                    event = Webhook(SECRET).verify(body, fields)
                    self.events.append({**json.loads(body), "webhook_id": fields["webhook-id"]})
                    assert event == json.loads(body)
                self._changed.set()
                writer.write(f"HTTP/1.1 {self.status} {ANSWERS[self.status]}\r\nContent-Length: 0\r\n\r\n".encode())
                if self._server is None:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
