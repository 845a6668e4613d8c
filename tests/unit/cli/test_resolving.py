"""Hosts of providers that have no address are a warning, and no name keeps anybody waiting."""

import threading
from pathlib import Path

import pytest

from posthorse.cli import resolving
from posthorse.config import Config, ProviderSettings, SesSettings, SmtpSettings
from posthorse.config.secret import Surroundings, read_secret
from posthorse.mail.ids import ProviderName
from tests.unit.cli.stage import Stage


def relay(host: str) -> SmtpSettings:
    """A provider at this host."""
    return SmtpSettings(name=ProviderName("r"), host=host)


def ses(endpoint: str) -> SesSettings:
    """SES in one region, perhaps at another address."""
    secret = read_secret("env:KEY", Surroundings(folder=Path(), environ={"KEY": "secret"}))
    return SesSettings(
        name=ProviderName("s"), region="eu-west-1", access_key_id="A", secret_access_key=secret, endpoint=endpoint
    )


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        (relay("smtp.example.net"), "smtp.example.net"),
        (relay("192.0.2.1"), ""),
        (relay("2001:db8::1"), ""),
        (ses(""), "email.eu-west-1.amazonaws.com"),
        (ses("https://ses.example/"), "ses.example"),
        (ses("http://127.0.0.1:9101"), ""),
        (ses("http://[::1]:9101"), ""),
    ],
    ids=str,
)
def test_the_name_that_must_be_resolved(provider: ProviderSettings, host: str) -> None:
    """The relay's host, the endpoint's, or the region's own; an address needs nobody's help."""
    assert resolving.host_of(provider) == host


def test_a_host_without_an_address_is_a_warning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is good, so it stays a yes; the provider and its host are named."""
    monkeypatch.setenv("NOT_IN_AN_OPERATORS_SHELL", "s")
    stage.config.write_text(stage.config.read_text().replace("127.0.0.1", "no-such-host.invalid"))
    (warning,) = stage.data("config", "check")["warnings"]
    assert warning["path"] == "providers[0]"
    assert "no-such-host.invalid cannot be resolved here" in warning["what"]


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name has the same short time, and what is known of the others is told."""
    hangs = threading.Event()
    answers = {"hangs.example": hangs.wait, "good.example": lambda: True}
    monkeypatch.setattr(resolving, "PATIENCE_S", 0.2)
    monkeypatch.setattr(resolving, "_why_not", lambda host: "" if answers[host]() else "never")
    found = list(resolving.unresolved(Config(providers=(relay("hangs.example"), relay("good.example")))))
    hangs.set()
    assert [(problem.path, "no answer within 0.2 s" in problem.what) for problem in found] == [("providers[0]", True)]
