"""What to say about routes of which no provider carries mail as it is."""

from collections.abc import Iterator, Sequence

from posthorse.config.problem import Problem
from posthorse.config.tree import Config
from posthorse.mail.ids import ProviderName

_REMEDY = (
    "signed mail, attached messages, mail to several of whom one is suppressed, and more are rejected there; add a "
    "provider of another kind behind them"
)


def structured_warnings(config: Config) -> Iterator[Problem]:
    """Routes, and the one that is implied, with providers only that take mail apart."""
    taking = {provider.name for provider in config.providers if provider.takes_fields}
    for number, route in enumerate(config.routes):
        if _all_in(route.providers, taking):
            yield Problem(path=f"routes[{number}]", what="has only providers that take mail apart", remedy=_REMEDY)
    if _all_in([provider.name for provider in config.providers], taking):
        yield Problem(path="providers", what="all take mail apart", remedy=_REMEDY)


def _all_in(names: Sequence[ProviderName], some: set[ProviderName]) -> bool:
    return bool(names) and some.issuperset(names)
