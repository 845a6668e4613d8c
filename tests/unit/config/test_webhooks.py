"""Customers' endpoints in the configuration: what is read, refused, and mentioned by the check."""

from base64 import b64encode
from pathlib import Path

import pytest

from posthorse.config.check import warnings_of
from posthorse.config.load import read_config
from posthorse.config.problem import ConfigProblems
from posthorse.config.reload import merged
from posthorse.config.show import as_toml
from posthorse.config.tree import Config
from posthorse.daemon.webhooks import endpoint_of
from posthorse.feedback.customer_event import CustomerEventKind

SECRET = "whsec_" + b64encode(bytes(32)).decode()
OLD = "whsec_" + b64encode(bytes([1] * 32)).decode()
REST = '[[providers]]\nname = "box"\nkind = "mailbox"\nfolder = "box"\n'
USUAL = {"name": '"shop"', "url": '"https://hooks.example.com/mail"', "secret": '"env:SECRET"'}


def config(tmp_path: Path, more: str = "", **fields: str) -> Config:
    """A configuration with one endpoint; fields as in TOML, an empty one is left out."""
    lines = "".join(f"{key} = {value}\n" for key, value in {**USUAL, **fields}.items() if value)
    environ = {"SECRET": SECRET, "OLD": OLD, "SHORT": "whsec_c2hvcnQ=", "PLAIN": "hunter2"}
    return read_config(f"{REST}[[webhooks]]\n{lines}{more}", folder=tmp_path, environ=environ)


def refused(tmp_path: Path, **fields: str) -> str:
    """Why it cannot be used."""
    with pytest.raises(ConfigProblems) as caught:
        config(tmp_path, **fields)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_an_endpoint_as_it_is_called(tmp_path: Path) -> None:
    """Defaults: every event, the main account, public places only; secrets sign in their order."""
    (settings,) = config(tmp_path, old_secrets='["env:OLD"]').webhooks
    endpoint = endpoint_of(settings)
    assert endpoint.events == frozenset(CustomerEventKind)
    assert (endpoint.tenant, endpoint.allow_private) == ("main", False)
    assert endpoint.secrets == (bytes(32), bytes([1] * 32))
    assert (endpoint.place.target.host, endpoint.place.target.port, endpoint.place.path) == (
        "hooks.example.com",
        443,
        "/mail",
    )
    assert "AAAA" not in repr(endpoint)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"url": '"http://hooks.example.com/"'}, "webhooks[0].url: begins with"),
        ({"url": '"https://127.0.0.1/"'}, "webhooks[0].url: has the address"),
        ({"secret": '"env:PLAIN"'}, "webhooks[0].secret: does not begin with whsec_"),
        ({"secret": '"env:SHORT"'}, "webhooks[0].secret: is 5 bytes long"),
        ({"secret": '"whsec_AAAA"'}, "webhooks[0].secret: stands in the file itself"),
        ({"secret": '"env:MISSING"'}, "webhooks[0].secret: refers to the environment variable MISSING"),
        ({"old_secrets": '["env:PLAIN"]'}, "webhooks[0].old_secrets[0]: does not begin with whsec_"),
        ({"events": "[]"}, "webhooks[0].events: is empty"),
        ({"events": '["message.opened"]'}, "is not one of message.handed_over"),
        ({"name": '"a shop"'}, "webhooks[0].name"),
        ({"name": ""}, "webhooks[0].name: is missing"),
        ({"ca_file": '"nowhere.pem"'}, "webhooks[0].ca_file"),
        ({"colour": '"red"'}, "is not a known key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, fields: dict[str, str], why: str) -> None:
    """Each mistake stops the start with its path and remedy; no secret is in the text."""
    told = refused(tmp_path, **fields)
    assert why in told
    assert "hunter2" not in told


def test_a_name_stands_once(tmp_path: Path) -> None:
    """Two endpoints of one name would share a place."""
    again = "".join(f"{key} = {value}\n" for key, value in USUAL.items())
    with pytest.raises(ConfigProblems, match='"shop" stands there twice'):
        config(tmp_path, more=f"[[webhooks]]\n{again}")


def test_what_the_check_mentions(tmp_path: Path) -> None:
    """Plain http, and a history that is dropped before an event is given up."""
    odd = config(tmp_path, url='"http://10.0.0.7/"', allow_private="true", more='[retention]\nhistory = "1d"\n')
    told = [str(each) for each in warnings_of(odd)]
    assert any(each.startswith("webhooks[0].url: is told in the clear") for each in told)
    assert any(each.startswith("retention.history: is shorter than the 28 hours") for each in told)
    assert not any("webhook" in str(each) for each in warnings_of(config(tmp_path)))


def test_shown_and_read_again(tmp_path: Path) -> None:
    """The shown form has references only; a reload takes endpoints over at once."""
    first = config(tmp_path, old_secrets='["env:OLD"]', events='["message.bounced"]')
    text = as_toml(first)
    assert 'secret = "env:SECRET"' in text
    assert 'events = ["message.bounced"]' in text
    assert "whsec_" not in text
    reloaded = merged(first, config(tmp_path))
    assert (reloaded.applied, reloaded.needs_restart) == (("webhooks",), ())
