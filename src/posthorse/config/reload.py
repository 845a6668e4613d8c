"""Reload: what of a new configuration can take effect in a running gateway, and what waits for a start.

Routes, weights, most limits, retention, classification, credentials and trusted sources take effect at once. Whatever
is marked `restart` in its `Setting` keeps its old value until then and is named. A file with problems changes nothing
at all: the old set stays, and the caller is told every problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from posthorse.config.load import load_config
from posthorse.config.providers import ProviderSettings
from posthorse.config.shape import described, key_of, settings_of
from posthorse.config.tree import Config, StreamSettings

T = TypeVar("T")

_AT_START = ("listen",)
"""Lists that wait for a start as a whole."""
_AT_ONCE = ("access_keys", "trusted_sources", "classify", "domains", "routes", "webhooks")
"""Lists that are replaced as a whole."""
_BY_SETTING = ("node", "spool", "limits", "retention", "dispatch", "feedback", "log")
"""Tables whose settings say it one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The set to use from now on."""

    config: Config
    """New where it can take effect, old elsewhere."""
    applied: tuple[str, ...]
    """Paths of what changed and takes effect, as in `routes` or `providers[relay].weight`."""
    needs_restart: tuple[str, ...]
    """Paths of what changed and takes effect at the next start."""


def reload_config(running: Config, path: Path, environ: Mapping[str, str]) -> Reloaded:
    """Read the file again beside the running set. Raises `ConfigProblems`; then the running set stays."""
    return merged(running, load_config(path, environ))


def merged(running: Config, wanted: Config) -> Reloaded:
    """The wanted set as far as a running gateway can take it."""
    merging = _Merging()
    taken: dict[str, Any] = {}
    for name in _AT_START:
        taken[name] = getattr(running, name)
        merging.note(name, getattr(running, name), getattr(wanted, name), late=True)
    for name in _AT_ONCE:
        merging.note(name, getattr(running, name), getattr(wanted, name), late=False)
    for name in _BY_SETTING:
        taken[name] = merging.section(getattr(running, name), getattr(wanted, name), name)
    taken["streams"] = merging.streams(running, wanted)
    taken["providers"] = merging.providers(running, wanted)
    config = replace(wanted, **taken)
    here = {provider.name for provider in config.providers}
    if any(name not in here for route in config.routes for name in route.providers):
        config = replace(config, routes=running.routes)
        merging.applied.remove("routes")
        merging.late.append("routes")
    return Reloaded(config=config, applied=tuple(merging.applied), needs_restart=tuple(sorted(merging.late)))


@dataclass(slots=True)
class _Merging:
    """What changed, as it is found."""

    applied: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def note(self, path: str, old: object, new: object, *, late: bool) -> None:
        """Remember a change, if it is one."""
        if old != new:
            (self.late if late else self.applied).append(path)

    def section(self, old: T, new: T, path: str) -> T:
        """One section with every setting that may change at once."""
        at_once: dict[str, Any] = {}
        for each, hint in settings_of(type(new)):
            setting = described(hint)
            late = bool(setting and setting.restart)
            wanted = getattr(new, each.name)
            self.note(f"{path}.{key_of(each, hint)}", getattr(old, each.name), wanted, late=late)
            if not late:
                at_once[each.name] = wanted
        return replace(old, **at_once)  # type: ignore[type-var]  # every section is a dataclass

    def streams(self, running: Config, wanted: Config) -> dict[Any, StreamSettings]:
        """What streams have otherwise; a stream without a section is one with an empty section."""
        names = running.streams.keys() | wanted.streams.keys()
        none = StreamSettings()
        found = {
            name: self.section(running.streams.get(name, none), wanted.streams.get(name, none), f"streams.{name.value}")
            for name in sorted(names, key=lambda stream: stream.value)
        }
        return {name: settings for name, settings in found.items() if settings != none}

    def providers(self, running: Config, wanted: Config) -> tuple[ProviderSettings, ...]:
        """The running providers; a new one, and one that is gone, wait for a start."""
        old = {provider.name: provider for provider in running.providers}
        new = {provider.name: provider for provider in wanted.providers}
        self.late += [f"providers[{name}]" for name in new.keys() ^ old.keys()]
        return tuple(self._provider(provider, new.get(name, provider)) for name, provider in old.items())

    def _provider(self, old: ProviderSettings, new: ProviderSettings) -> ProviderSettings:
        path = f"providers[{old.name}]"
        if type(old) is not type(new):
            self.late.append(f"{path}.kind")
            return old
        return self.section(old, new, path)
