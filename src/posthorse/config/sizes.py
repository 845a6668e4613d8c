"""How large a message may be that the configured providers can take, and routes that take less.

Promise: what no provider could ever carry is refused at the door, not accepted and rejected afterwards.
"""

from collections.abc import Iterator, Sequence

from posthorse.config.problem import Problem
from posthorse.config.tree import Config
from posthorse.mail.ids import ProviderName

ADDED_BYTES = 16 << 10
"""Room for the fields that are added on the way: Received, an id, signatures."""


def largest_message_bytes(config: Config) -> int:
    """The largest that is taken: by the setting, and by the provider that takes most."""
    return min(config.limits.message_size_bytes, _most(config, [provider.name for provider in config.providers]))


def size_warnings(config: Config) -> Iterator[Problem]:
    """Routes whose providers all take less than what is accepted."""
    largest = largest_message_bytes(config)
    for number, route in enumerate(config.routes):
        most = _most(config, route.providers)
        if most < largest:
            yield Problem(
                path=f"routes[{number}]",
                what=f"takes messages of {most / 1e6:.1f} MB at most, and {largest / 1e6:.1f} MB are accepted",
                remedy="larger ones are rejected afterwards; add a provider, or lower limits.message_size",
            )


def _most(config: Config, names: Sequence[ProviderName]) -> int:
    limits = [provider.largest_bytes for provider in config.providers if provider.name in names]
    bounded = [limit - ADDED_BYTES for limit in limits if limit is not None]
    return max(bounded) if bounded and len(bounded) == len(limits) else config.limits.message_size_bytes
