"""Reload: what of a new configuration can take effect in a running gateway, and what waits for a start.

Routes, weights, limits, retention, classification, credentials, trusted sources and streams take effect at once.
Whatever is marked `restart` in its `Setting` keeps its old value until then and is named. A file with problems changes
nothing at all: the old set stays, and the caller is told every problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posthorse.config.load import load_config
from posthorse.config.providers import ProviderSettings
from posthorse.config.shape import described, key_of, settings_of
from posthorse.config.tree import Config

_AT_START = ("node", "spool", "listen", "dispatch", "log")
"""Sections whose every setting waits for a start."""
_AT_ONCE = ("access_keys", "trusted_sources", "classify", "domains", "routes", "streams", "limits", "retention")


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
    waiting = [name for name in _AT_START if getattr(running, name) != getattr(wanted, name)]
    changed = [name for name in _AT_ONCE if getattr(running, name) != getattr(wanted, name)]
    old = {provider.name: provider for provider in running.providers}
    new = {provider.name: provider for provider in wanted.providers}
    waiting += [f"providers[{name}]" for name in new.keys() ^ old.keys()]
    kept = []
    for name, provider in old.items():
        merged_one, applied, late = _provider(provider, new.get(name, provider))
        kept.append(merged_one)
        changed += applied
        waiting += late
    config = replace(wanted, **{name: getattr(running, name) for name in _AT_START}, providers=tuple(kept))
    if any(name not in old for route in wanted.routes for name in route.providers):
        config = replace(config, routes=running.routes)
        changed.remove("routes")
        waiting.append("routes")
    return Reloaded(config=config, applied=tuple(changed), needs_restart=tuple(sorted(waiting)))


def _provider(old: ProviderSettings, new: ProviderSettings) -> tuple[ProviderSettings, list[str], list[str]]:
    """One provider with what may change at once; then the paths of what did, and of what waits."""
    if type(old) is not type(new):
        return old, [], [f"providers[{old.name}].kind"]
    at_once: dict[str, Any] = {}
    applied, late = [], []
    for field, hint in settings_of(type(new)):
        wanted = getattr(new, field.name)
        if wanted == getattr(old, field.name):
            continue
        setting = described(hint)
        path = f"providers[{old.name}].{key_of(field, hint)}"
        if setting and setting.restart:
            late.append(path)
        else:
            applied.append(path)
            at_once[field.name] = wanted
    return replace(old, **at_once), applied, late
