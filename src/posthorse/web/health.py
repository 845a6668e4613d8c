"""Health for load balancers and orchestrators: `/healthz` (the process works) and `/readyz` (it should get mail).

`/readyz` answers 200 if every required check holds, else 503; either way with all checks. What is no reason to keep
mail away (it waits safely here) is told and not required, unless whoever asks wants it: `/readyz?require=providers`. It
looks at what the gateway already knows; a request never touches disk or network. Why a check does not hold is told
inside only: a listener that faces the internet says no more than that it does not.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from posthorse.asgi import App, Receive, Scope, Send, answer
from posthorse.web.answer import answer_json, problem
from posthorse.web.role import Role
from posthorse.web.router import Mount


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that should be so."""

    name: str
    """`spool`, `acceptance`, `providers`, `configuration`, ..."""
    ok: bool
    required: bool = True
    """Without it no mail should come here, whoever asks."""
    detail: str = ""
    """Why not, in words; without addresses."""


_INSIDE = frozenset({Role.ADMIN, Role.METRICS})

Readiness = Callable[[], Sequence[Check]]
"""All checks as they stand now; quick, and it does not raise."""


def health_mounts(readiness: Readiness, metrics: Callable[[], bytes], metrics_type: str) -> list[Mount]:
    """`/healthz` and `/readyz` for every role that looks after the process, `/metrics` for its own."""
    return [
        *_for_roles(Role, "/healthz", alive),
        *_for_roles(set(Role) - _INSIDE, "/readyz", ready(readiness, details=False)),
        *_for_roles(_INSIDE, "/readyz", ready(readiness, details=True)),  # the last mount of a path counts
        Mount(role=Role.METRICS, path="/metrics", app=page(metrics, metrics_type)),
    ]


async def alive(scope: Scope, receive: Receive, send: Send) -> None:
    """The event loop answers, so the process is alive."""
    await answer_json(send, 200, {"alive": True}, head=scope["method"] == "HEAD")


def ready(readiness: Readiness, *, details: bool) -> App:
    """Whether mail should come here; `require=NAME,NAME` in the query requires these checks, too. `details`: tell why
    a check does not hold.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        checks, head = readiness(), scope["method"] == "HEAD"
        asked = _asked(scope)
        known = {check.name for check in checks}
        if not asked <= known:
            await problem(send, 400, f"require: there are the checks {', '.join(sorted(known))}.", head=head)
            return
        required = asked | {check.name for check in checks if check.required}
        told = {check.name: _told(check, required, details=details) for check in checks}
        every = all(check.ok for check in checks if check.name in required)
        await answer_json(send, 200 if every else 503, {"ready": every, "checks": told}, head=head)

    return app


def _told(check: Check, required: set[str], *, details: bool) -> dict[str, object]:
    why: dict[str, object] = {"detail": check.detail} if details else {}
    return {"ok": check.ok, "required": check.name in required} | why


def _asked(scope: Scope) -> set[str]:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return {name for value in query.get("require", ()) for name in value.split(",") if name}


def page(content: Callable[[], bytes], content_type: str) -> App:
    """A page made anew for each request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, content(), content_type, head=scope["method"] == "HEAD")

    return app


def _for_roles(roles: Iterable[Role], path: str, app: App) -> Iterator[Mount]:
    return (Mount(role=role, path=path, app=app) for role in roles)
