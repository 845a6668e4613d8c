"""Router: which page answers which path, as far as the listener's roles reach.

Promise: a path of another role does not exist on this listener; whatever nobody answers gets a problem in JSON; an
exception in a page becomes a 500 and is told to `bug`, and nothing of it to the client. Fronts with many paths of their
own (the SES API, the native API) are mounted as a whole under a prefix.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from posthorse.asgi import App, Receive, Scope, Send
from posthorse.web.answer import problem
from posthorse.web.role import Role

_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """An application at a path."""

    role: Role
    path: str
    """Ends with `/`: everything below it, the longest such path first; else, and `/` alone: exactly this path."""
    app: App
    methods: Collection[str] = _READING
    """What is answered; empty: the application decides itself."""


class Router:
    """The application of one listener."""

    def __init__(
        self, mounts: Iterable[Mount], roles: Collection[Role], bug: Callable[[str, BaseException], None]
    ) -> None:
        mine = [mount for mount in mounts if mount.role in roles]
        below = [mount for mount in mine if mount.path.endswith("/") and mount.path != "/"]
        self._exact = {mount.path: mount for mount in mine if mount not in below}
        self._below = sorted(below, key=lambda mount: len(mount.path), reverse=True)
        self._bug = bug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not spoken here")
        method, path = scope["method"], scope["path"]
        mount = self._exact.get(path) or next((each for each in self._below if path.startswith(each.path)), None)
        if mount is None:
            await problem(send, 404, "There is nothing at this path.", head=method == "HEAD")
        elif mount.methods and method not in mount.methods:
            allowed = ", ".join(sorted(mount.methods)).encode("ascii")
            await problem(send, 405, "This path does not take that method.", (b"allow", allowed))
        else:
            await self._guarded(mount.app, scope, receive, send)

    async def _guarded(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Scope) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, receive, watched)
        except Exception as error:
            self._bug("web", error)
            if started:
                raise
            await problem(send, 500, "Something went wrong here; it has been logged.")
