"""The largest message: by the setting, and by what the providers take."""

from pathlib import Path

import pytest

from posthorse.config.load import read_config
from posthorse.config.providers import PostmarkSettings, SendGridSettings, SesSettings
from posthorse.config.sizes import ADDED_BYTES, largest_message_bytes, size_warnings
from posthorse.providers.postmark import Postmark
from posthorse.providers.sendgrid import SendGrid
from posthorse.providers.ses import SesProvider

PROVIDERS = {
    "ses": 'kind = "ses"\nregion = "eu-west-1"\naccess_key_id = "A"\nsecret_access_key = "env:S"',
    "grid": 'kind = "sendgrid"\napi_key = "env:S"',
    "mark": 'kind = "postmark"\nserver_token = "env:S"',
    "relay": 'kind = "smtp"\nhost = "relay.example"',
}


def text(*names: str) -> str:
    """Providers with these names."""
    return "".join(f'[[providers]]\nname = "{name}"\n{PROVIDERS[name]}\n' for name in names)


@pytest.mark.parametrize(
    ("providers", "limit", "most"),
    [
        (("ses",), "40MiB", (40 << 20) - ADDED_BYTES),
        (("ses",), "10MiB", 10 << 20),
        (("grid", "mark"), "40MiB", 30_000_000 - ADDED_BYTES),
        (("mark",), "40MiB", 10_000_000 - ADDED_BYTES),
        (("mark", "relay"), "40MiB", 40 << 20),
    ],
)
def test_what_no_provider_can_take_is_not_accepted(providers: tuple[str, ...], limit: str, most: int) -> None:
    """The fields that are added on the way fit, too."""
    written = text(*providers) + f'[limits]\nmessage_size = "{limit}"\n'
    assert largest_message_bytes(read_config(written, folder=Path("/nowhere"), environ={"S": "s"})) == most


def test_a_route_that_takes_less_is_mentioned() -> None:
    """By its number; one that takes everything is not."""
    routes = '[[routes]]\nstream = "bulk"\nproviders = ["mark"]\n[[routes]]\nproviders = ["mark", "relay"]\n'
    config = read_config(text("mark", "relay") + routes, folder=Path("/nowhere"), environ={"S": "s"})
    (warning,) = size_warnings(config)
    assert warning.path == "routes[0]"
    assert "10.0 MB" in warning.what


def test_the_configuration_knows_what_the_adapters_take() -> None:
    """The same figures in both places."""
    pairs = ((SesSettings, SesProvider), (SendGridSettings, SendGrid), (PostmarkSettings, Postmark))
    for settings, adapter in pairs:
        assert settings.largest_bytes == adapter.capability.max_size_bytes
