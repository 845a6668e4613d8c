"""Control of a running lab over HTTP on loopback: switch faults, ask the mailbox.

- `GET /providers`: how each stands.
- `GET /mailbox`: totals and duplicates; `?id=` with the arrivals of one message, `?since=N&limit=N` with a page of all,
  `?messages=N&within_s=S` only once so many messages have arrived, or the time is over.
- `GET /message`: the latest message as it was delivered, bytes in base64; `?id=` the latest copy of one message, `?to=`
  of what went to one address.
- `GET /exchanges/NAME?since=N`: what a provider remembers, bytes in base64.
- `POST /faults/NAME`: `{"fault": "refuse" or "none", "for_s", "stage", "delay_s", "takes"}`.
- `GET /hooks`: what each provider tells and how that stands.
- `POST /hooks/NAME`: `{"url", "delay_s", "double", "lose", "forge", "shuffle"}`; what is not given stays as it is. The
  answer comes when the other side is ready to be told, or after ten seconds.
- `POST /reset`: no faults, empty mailbox, nothing remembered; who is told stays, what goes wrong on the way ends.

Promise: a fault acts before the answer is given. Left out: any protection; it listens on loopback only.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from posthorse.lab.faults import Fault, FaultSetting, Stage
from posthorse.lab.hooks import HookSender, HookSetting
from posthorse.lab.http_words import Answer, BadRequest, Request, RequestReader, json_answer
from posthorse.lab.mailbox import KEPT, Mailbox
from posthorse.lab.simulated import Exchange, SimulatedProvider

PAGE = 10_000
"""Most arrivals or exchanges in one answer."""


class ControlPeer(asyncio.Protocol):
    """One connection to the control."""

    _transport: asyncio.Transport

    def __init__(
        self, providers: Mapping[str, SimulatedProvider], mailbox: Mailbox, hooks: Mapping[str, HookSender]
    ) -> None:
        self._providers = providers
        self._mailbox = mailbox
        self._hooks = hooks
        self._reader = RequestReader()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is complete, one request after the other."""
        try:
            self._reader.feed(data)
        except BadRequest as error:
            self._transport.write(json_answer({"message": str(error)}, 400).render(close=True))
            self._transport.close()
            return
        if self._reader.complete and (self._work is None or self._work.done()):
            self._work = asyncio.get_running_loop().create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while self._reader.complete:
            request = self._reader.complete.popleft()
            answer = await self._answer(request)
            self._transport.write(answer.render(close=not request.keeps_open))
            if not request.keeps_open:
                self._transport.close()
                return

    async def _answer(self, request: Request) -> Answer:
        _, room, *rest = request.path.split("/")
        try:
            match (request.method, room, *rest):
                case ("GET", "providers"):
                    return json_answer([describe(provider) for provider in self._providers.values()])
                case ("GET", "mailbox"):
                    await self._wait(int(request.query.get("messages", 0)), float(request.query.get("within_s", 0)))
                    return json_answer(self._ask_mailbox(request.query))
                case ("GET", "message"):
                    return self._show_message(request.query.get("id", ""), request.query.get("to", ""))
                case ("GET", "exchanges", name):
                    since = int(request.query.get("since", 0))
                    kept = self._providers[name].exchanges[since : since + PAGE]
                    return json_answer([_exchange(one) for one in kept])
                case ("POST", "faults", name):
                    setting, for_s = read_setting(json.loads(request.body or b"{}"))
                    await self._providers[name].set_fault(setting, for_s=for_s)
                    return json_answer(describe(self._providers[name]))
                case ("GET", "hooks"):
                    return json_answer({name: hook.describe() for name, hook in self._hooks.items()})
                case ("POST", "hooks", name) if name in self._providers and name not in self._hooks:
                    return json_answer({"message": f"{name} tells nothing: it speaks SMTP only"}, 400)
                case ("POST", "hooks", name):
                    hook = self._hooks[name]
                    await hook.use(changed_hook(hook.setting, json.loads(request.body or b"{}")))
                    return json_answer(hook.describe())
                case ("POST", "reset"):
                    return await self._reset()
                case _:
                    return json_answer({"message": f"no {request.method} {request.path} here"}, 404)
        except KeyError as error:
            return json_answer({"message": f"no provider is named {error.args[0]}"}, 404)
        except (ValueError, TypeError) as error:
            return json_answer({"message": str(error)}, 400)

    async def _wait(self, messages: int, within_s: float) -> None:
        """Until so many messages have arrived, at most so long."""
        more = asyncio.Event()
        self._mailbox.listeners.append(more.set)
        try:
            async with asyncio.timeout(within_s):
                while self._mailbox.messages < messages:
                    more.clear()
                    await more.wait()
        except TimeoutError:
            pass
        finally:
            self._mailbox.listeners.remove(more.set)

    def _ask_mailbox(self, query: Mapping[str, str]) -> dict[str, Any]:
        box = self._mailbox
        summary: dict[str, Any] = {
            "arrivals_total": len(box),
            "messages": box.messages,
            "by_provider": box.by_provider(),
            "duplicates": [
                {"id": name, "recipient": to, "extra": extra} for (name, to), extra in box.duplicates().items()
            ],
        }
        if "id" in query:
            summary["arrivals"] = [asdict(one) for one in box.arrivals(query["id"])]
        elif "since" in query:
            since = int(query["since"])
            page = box.arrivals()[since : since + min(PAGE, int(query.get("limit", PAGE)))]
            summary["arrivals"] = [asdict(one) for one in page]
        return summary

    def _show_message(self, message: str, recipient: str) -> Answer:
        if copy := self._mailbox.latest(message, recipient):
            return json_answer(asdict(copy) | {"content": base64.b64encode(copy.content).decode("ascii")})
        gone = any(recipient.lower() in ("", one.recipient.lower()) for one in self._mailbox.arrivals(message or None))
        why = f"it arrived, but only the latest {KEPT} messages are kept whole" if gone else "no such message arrived"
        return json_answer({"message": why}, 404)

    async def _reset(self) -> Answer:
        self._mailbox.clear()
        for provider in self._providers.values():
            await provider.set_fault(None)
            provider.forget()
        for hook in self._hooks.values():
            hook.forget()
        return json_answer({})


def describe(provider: SimulatedProvider) -> dict[str, Any]:
    """How a provider stands."""
    setting = provider.fault
    return {
        "name": provider.name,
        "fault": setting.fault.value if setting else "none",
        "fault_since": provider.fault_since,
        "connections_open": provider.connections_open,
        "connections_made": provider.connections_made,
        "messages": {verdict.value: count for verdict, count in provider.counts.items()},
    }


def changed_hook(setting: HookSetting, fields: Mapping[str, Any]) -> HookSetting:
    """The setting with these fields changed. Raises ValueError, naming what is known."""
    known = {"url": str, "delay_s": float, "double": float, "lose": float, "forge": float, "shuffle": bool}
    if unknown := set(fields) - set(known):
        raise ValueError(f"give {', '.join(known)}; not {', '.join(sorted(unknown))}")
    given = {name: known[name](value) for name, value in fields.items() if value is not None}
    return replace(setting, **given)


def read_setting(fields: Mapping[str, Any]) -> tuple[FaultSetting | None, float | None]:
    """The fault a request asks for, and for how many seconds. Raises ValueError, naming what is known."""
    unknown = set(fields) - {"fault", "for_s", "stage", "delay_s", "takes"}
    if unknown or "fault" not in fields:
        raise ValueError(f"give fault, and perhaps for_s, stage, delay_s, takes; not {', '.join(sorted(unknown))}")
    for_s = None if fields.get("for_s") is None else float(fields["for_s"])
    if fields["fault"] == "none":
        return None, None
    stage = fields.get("stage")
    setting = FaultSetting(
        fault=parse_fault(str(fields["fault"])),
        stage=None if stage is None else Stage(stage),
        delay_s=float(fields.get("delay_s") or FaultSetting(fault=Fault.SLOW).delay_s),
        takes=fields.get("takes"),
    )
    return setting, for_s


def parse_fault(text: str) -> Fault:
    """The fault of this name. Raises ValueError, naming all."""
    try:
        return Fault(text.replace("-", "_"))
    except ValueError:
        raise ValueError(f"no fault is named {text}; there are: {', '.join(fault.value for fault in Fault)}") from None


def _exchange(exchange: Exchange) -> dict[str, Any]:
    fields = asdict(exchange)
    return fields | {
        "content": base64.b64encode(exchange.content).decode("ascii"),
        "verdict": exchange.verdict.value,
    }
