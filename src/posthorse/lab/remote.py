"""A running lab, from another process: what the command line, the demo and the scenarios ask it.

Promise: every failure is a `LabRefused` (it said no, and why) or a `LabUnreachable`. Blocking; for the edge only.
"""

import base64
import http.client
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from posthorse.lab.control import PAGE
from posthorse.lab.faults import Fault, Stage
from posthorse.lab.hooks import GREETING_S
from posthorse.lab.mailbox import Arrival


class LabUnreachable(Exception):
    """No lab answers at this address."""


class LabRefused(Exception):
    """The lab said no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRemote:
    """The control of a lab. `url` as in its ready line; `timeout_s` bounds each question."""

    url: str
    timeout_s: float = 10.0

    def providers(self) -> list[dict[str, Any]]:
        """How each provider stands (`posthorse.lab.control.describe`)."""
        answer = self._ask("GET", "/providers")
        assert isinstance(answer, list)
        return answer

    def set_fault(
        self,
        provider: str,
        fault: Fault | None,
        *,
        for_s: float | None = None,
        stage: Stage | None = None,
        delay_s: float | None = None,
        takes: bool | None = None,
    ) -> dict[str, Any]:
        """Switch a fault on, or off with None; it acts before this returns."""
        fields = {
            "fault": fault.value if fault else "none",
            "for_s": for_s,
            "stage": stage.value if stage else None,
            "delay_s": delay_s,
            "takes": takes,
        }
        return dict(self._ask("POST", f"/faults/{quote(provider, safe='')}", fields))

    def hooks(self) -> dict[str, dict[str, Any]]:
        """What each provider tells, and how that stands (`posthorse.lab.hooks.HookSender.describe`)."""
        return dict(self._ask("GET", "/hooks"))

    def set_hooks(self, provider: str, **setting: Any) -> dict[str, Any]:
        """Change what a provider tells and where (`posthorse.lab.hooks.HookSetting`); None leaves a field as it is."""
        patient = replace(self, timeout_s=GREETING_S + self.timeout_s)
        return dict(patient._ask("POST", f"/hooks/{quote(provider, safe='')}", setting))

    def mailbox(self, message: str | None = None) -> dict[str, Any]:
        """Totals and duplicates, with the arrivals of one message if asked."""
        return dict(self._ask("GET", "/mailbox" if message is None else f"/mailbox?id={quote(message, safe='')}"))

    def message(self, message: str = "", recipient: str = "") -> dict[str, Any]:
        """The latest copy of a message as it was delivered (`posthorse.lab.mailbox.Copy`); empty: any, to anybody."""
        asked = urlencode({"id": message, "to": recipient})
        row = dict(self._ask("GET", f"/message?{asked}"))
        return row | {"content": base64.b64decode(row["content"])}

    def mailbox_with(self, messages: int, within_s: float) -> dict[str, Any]:
        """Totals once so many messages have arrived, or after so many seconds."""
        patient = replace(self, timeout_s=within_s + self.timeout_s)
        return dict(patient._ask("GET", f"/mailbox?messages={messages}&within_s={within_s}"))

    def arrivals(self, since: int = 0) -> list[Arrival]:
        """All arrivals from a position on, oldest first."""
        arrivals: list[Arrival] = []
        while True:
            page = self._ask("GET", f"/mailbox?since={since + len(arrivals)}")["arrivals"]
            arrivals += [Arrival(**fields) for fields in page]
            if len(page) < PAGE:
                return arrivals

    def exchanges(self, provider: str) -> list[dict[str, Any]]:
        """What a provider remembers of the messages it was offered; `content` is bytes."""
        rows = list(self._ask("GET", f"/exchanges/{quote(provider, safe='')}"))
        return [row | {"content": base64.b64decode(row["content"])} for row in rows]

    def reset(self) -> None:
        """No faults, empty mailbox, nothing remembered."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, fields: dict[str, Any] | None = None) -> Any:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=self.timeout_s)
        try:
            connection.request(method, path, body=json.dumps(fields) if fields is not None else None)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LabUnreachable(f"no lab answers at {self.url}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise LabRefused(answer["message"])
        return answer
