"""Health for load balancers and orchestrators: `/healthz` (the process works) and `/readyz` (it should get mail).

`/readyz` answers 200 only if every check holds, else 503 with the checks that do not. It looks at what the gateway
already knows; a request never touches disk or network.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from posthorse.web.answer import App, Receive, Scope, Send, answer, answer_json
from posthorse.web.role import Role
from posthorse.web.router import Mount


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must be so before mail should come here."""

    name: str
    """`spool`, `acceptance`, `providers`, `configuration`, ..."""
    ok: bool
    detail: str = ""
    """Why not, in words; without addresses."""


Readiness = Callable[[], Sequence[Check]]
"""All checks as they stand now; quick, and it does not raise."""


def health_mounts(readiness: Readiness, metrics: Callable[[], bytes], metrics_type: str) -> list[Mount]:
    """`/healthz` and `/readyz` for every role that looks after the process, `/metrics` for its own."""
    return [
        *_for_roles("/healthz", alive),
        *_for_roles("/readyz", ready(readiness)),
        Mount(role=Role.METRICS, path="/metrics", app=page(metrics, metrics_type)),
    ]


async def alive(scope: Scope, receive: Receive, send: Send) -> None:
    """The event loop answers, so the process is alive."""
    await answer_json(send, 200, {"alive": True}, head=scope["method"] == "HEAD")


def ready(readiness: Readiness) -> App:
    """Whether mail should come here."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        checks = readiness()
        told = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
        every = all(check.ok for check in checks)
        content = {"ready": every, "checks": told}
        await answer_json(send, 200 if every else 503, content, head=scope["method"] == "HEAD")

    return app


def page(content: Callable[[], bytes], content_type: str) -> App:
    """A page made anew for each request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, content(), content_type, head=scope["method"] == "HEAD")

    return app


def _for_roles(path: str, app: App) -> Iterator[Mount]:
    return (Mount(role=role, path=path, app=app) for role in Role)
