"""The lint for ports: clocks, chance, ids, threads and the network enter below the edge only by being handed in.

`python tools/lint_ports.py [FOLDER]` reads every module below `src/` (or FOLDER) and prints one line per breach, with
the remedy; exit status 1 if there is any. What stands in `ALLOWED` may break the rule, for the reason given there; an
entry that no longer excuses anything is a breach too, so that the list only shrinks.

asyncio's sleeps, time limits and futures are fine everywhere: they run on the loop's clock, which is virtual in the
seeded world. Left out: whether a module imports asyncio at all (import-linter's contracts say that).
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ALLOWED: dict[str, str] = {
    "src/posthorse/adapters/*": "the edge itself: the real clock, chance, ids, network and threads",
    "src/posthorse/spool/sqlite/*": "one writer thread owns the database; its clock judges leases",
    "src/posthorse/lab/*": "simulated providers are processes on real sockets; the seeded world replaces the ports",
    "src/posthorse/cli/*": "a command is a process of its own that talks to people",
    "src/posthorse/control/*": "operators' commands come by a unix socket of the gateway's own",
    "src/posthorse/daemon/*": "wires the real adapters in",
    "src/posthorse/quickstart/*": "starts the simulated providers as a process and makes a secret",
}
"""Path patterns (from the top of the project) that may break the rule, each with its reason."""

MODULES: dict[str, str] = {
    "time": "take a Clock",
    "random": "take an Rng",
    "uuid": "take an Ids",
    "secrets": "take an Rng, or make secrets at the edge",
    "threading": "take an Offload",
    "concurrent.futures": "take an Offload",
    "multiprocessing": "take an Offload",
    "subprocess": "start processes at the edge",
    "socket": "take a Dialer",
}
"""Modules that may not be imported, nor anything inside them, each with the remedy."""

CALLS: dict[str, str] = {
    "run_in_executor": "take an Offload",
    "to_thread": "take an Offload",
    "open_connection": "take a Dialer",
    "open_unix_connection": "take a Dialer",
    "create_connection": "take a Dialer",
    "start_server": "listen at the edge",
    "start_unix_server": "listen at the edge",
    "create_server": "listen at the edge",
    "create_subprocess_exec": "start processes at the edge",
    "create_subprocess_shell": "start processes at the edge",
    "urandom": "take an Ids or an Rng",
    "getrandom": "take an Ids or an Rng",
    "fork": "start processes at the edge",
    "utcnow": "take a Clock",
}
"""Names that may be neither called nor imported, wherever they come from, each with the remedy."""

NOW_OWNERS = frozenset({"datetime", "date"})
"""`now` and `today` read the machine's clock only on these; a Clock's own `now` is the remedy, not the breach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place that reaches past its ports."""

    path: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.remedy}"


def main(arguments: list[str]) -> int:
    """Check the tree, print what is wrong, return the exit status."""
    top = Path(__file__).resolve().parent.parent
    folder = Path(arguments[0]).resolve() if arguments else top / "src"
    excused: set[str] = set()
    breaches: list[Breach] = []
    for module in sorted(folder.rglob("*.py")):
        path = (module.relative_to(top) if module.is_relative_to(top) else module).as_posix()
        found = list(breaches_in(module.read_text(encoding="utf-8"), path))
        pattern = excuse_for(path)
        if pattern is None:
            breaches += found
        elif found:
            excused.add(pattern)
    if not arguments:
        breaches += [needless(pattern) for pattern in ALLOWED if pattern not in excused and list(top.glob(pattern))]
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


def excuse_for(path: str) -> str | None:
    """The pattern of `ALLOWED` that excuses this path (relative to the top, with slashes), if one does."""
    return next((pattern for pattern in ALLOWED if fnmatch(path, pattern)), None)


def needless(pattern: str) -> Breach:
    """An entry of `ALLOWED` whose files exist and reach past no port."""
    return Breach(
        path="tools/lint_ports.py", line=0, what=f"{pattern} needs no excuse", remedy="remove it from ALLOWED"
    )


def breaches_in(source: str, path: str) -> Iterator[Breach]:
    """Every import and call in one module's text that reaches past the ports."""
    for node in ast.walk(ast.parse(source, filename=path)):
        for what, remedy in _reaches(node):
            yield Breach(path=path, line=getattr(node, "lineno", 0), what=what, remedy=remedy)


def _reaches(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import(names=names):
            for name in names:
                yield from _module(name.name)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            for name in names:
                yield from _import_from(module, name.name)
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
            yield f"calls {name}", CALLS[name]
        case ast.Call(func=ast.Attribute(attr="now" | "today" as name, value=owner)) if _last_name(owner) in NOW_OWNERS:
            yield f"calls {_last_name(owner)}.{name}", "take a Clock"
        case _:
            return


def _import_from(module: str, name: str) -> Iterator[tuple[str, str]]:
    if name in CALLS:
        yield f"imports {name} from {module}", CALLS[name]
    else:
        yield from _module(module) or _module(f"{module}.{name}")


def _module(name: str) -> list[tuple[str, str]]:
    parts = name.split(".")
    prefixes = (".".join(parts[: count + 1]) for count in range(len(parts)))
    return [(f"imports {name}", MODULES[prefix]) for prefix in prefixes if prefix in MODULES]


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
