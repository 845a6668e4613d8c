"""The reference page: every setting stands on it with its meaning, and its examples are true."""

import tomllib
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from posthorse.config.reference import reference
from posthorse.config.shape import described, key_of, peel, settings_of
from posthorse.config.tree import Config

TOP = Path(__file__).resolve().parents[3]


def sections(hint: Any) -> list[type]:
    """Every section type below a hint."""
    bare, _ = peel(hint)
    if isinstance(bare, type) and is_dataclass(bare):
        inner = [kind for _, below in settings_of(bare) for kind in sections(below)]
        return [bare, *inner]
    return [kind for argument in get_args(bare) for kind in sections(argument)]


EVERY_SETTING = [
    (f"{kind.__name__}.{field.name}", field, hint)
    for kind in dict.fromkeys(sections(Config))
    if kind is not Config and kind.__name__.endswith("Settings")
    for field, hint in settings_of(kind)
]


def test_the_page_is_what_the_types_say() -> None:
    """docs/configuration.md holds exactly what `config reference` prints."""
    assert reference() in (TOP / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize(("name", "field", "hint"), EVERY_SETTING, ids=[row[0] for row in EVERY_SETTING])
def test_every_setting_says_what_it_means_with_a_true_example(name: str, field: Any, hint: Any) -> None:
    """A setting has a meaning that ends in a full stop, and an example in TOML under its own key."""
    setting = described(hint)
    assert setting is not None, name
    assert setting.meaning.endswith("."), name
    assert list(tomllib.loads(setting.example)) == [key_of(field, hint)]
