"""The address that clients of SES are to call, read off the configuration."""

from pathlib import Path

import pytest

from posthorse.config import ConfigProblems
from posthorse.config.load import read_api_address

MADE_UP_SECRET = '[[access_keys]]\nid = "A"\nsecret = "env:NOT_IN_AN_OPERATORS_SHELL"\n'


@pytest.mark.parametrize(
    ("listeners", "address"),
    [
        ("", "http://127.0.0.1:8025"),
        ('[[listen]]\nsmtp = "127.0.0.1:25"\n', ""),
        ('[[listen]]\nhttp = "127.0.0.1:0"\n', ""),
        ('[[listen]]\nhttp = "unix:/run/api.sock"\n', ""),
        ('[[listen]]\nhttp = "10.0.0.1:80"\nroles = ["hooks"]\n[[listen]]\nhttp = "[::1]:81"\n', "http://[::1]:81"),
        ('[[listen]]\nhttp = "[::]:81"\n', "http://[::1]:81"),
        ('[[listen]]\nhttp = "0.0.0.0:81"\n', "http://127.0.0.1:81"),
        ('[node]\nname = "mail.example.com"\n[[listen]]\nhttp = "0.0.0.0:81"\n', "http://mail.example.com:81"),
        ('[node]\nname = "mail.example.com"\n[[listen]]\nhttp = "10.0.0.1:81"\n', "http://10.0.0.1:81"),
        (
            '[[listen]]\nhttp = "10.0.0.1:443"\ntls_certificate = "chain.pem"\ntls_key = "key.pem"\n',
            "https://10.0.0.1:443",
        ),
    ],
)
def test_the_address_is_of_a_listener_that_others_can_call(listeners: str, address: str, tmp_path: Path) -> None:
    """The first with the role `api`; every-address becomes one that can be called; secrets are not looked at."""
    file = tmp_path / "posthorse.toml"
    file.write_text(listeners + MADE_UP_SECRET)
    assert read_api_address(file) == address


def test_a_listener_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Problems come with their path, as everywhere."""
    file = tmp_path / "posthorse.toml"
    file.write_text('[[listen]]\nhttp = "nowhere"\n')
    with pytest.raises(ConfigProblems, match="http"):
        read_api_address(file)
