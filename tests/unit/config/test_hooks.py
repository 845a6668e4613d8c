"""Notifications in the configuration: what would keep every one of them out is told before the gateway starts."""

from pathlib import Path

import pytest

from posthorse.config.check import warnings_of
from posthorse.config.load import read_config
from posthorse.config.problem import ConfigProblems
from posthorse.config.show import as_toml
from posthorse.config.tree import Config
from tests.unit.providers.notice_kit import TOPIC, certificate, public_key

ENVIRON = {"S": "hushhush", "KEY": public_key()}
SES = '[[providers]]\nname="s"\nkind="ses"\nregion="us-east-1"\naccess_key_id="A"\nsecret_access_key="env:S"\n'
SENDGRID = '[[providers]]\nname="s"\nkind="sendgrid"\napi_key="env:S"\n'
POSTMARK = '[[providers]]\nname="s"\nkind="postmark"\nserver_token="env:S"\n'

GOOD = [
    SES + f'notifications = {{ topics = ["{TOPIC}"] }}\n',
    SES + f'notifications = {{ topics = ["{TOPIC}"], certificate = "sns.pem", sns_endpoint = "http://127.0.0.1:1" }}\n',
    SENDGRID + 'notifications = { public_key = "env:KEY" }\n',
    SENDGRID + f'[providers.notifications]\npublic_key = "{public_key()}"\n',
    POSTMARK + 'notifications = { username = "postmark", password = "env:S" }\n',
    POSTMARK + '[providers.notifications]\nusername="p"\npassword="env:S"\nheader="X-Secret"\nheader_value="env:S"\n',
]

BAD = [
    (SES, "topics = []", "topics", "is empty"),
    (SES, "topics = ['x']", "topics[0]", "cannot be 'x'"),
    (SES, "topics = ['arn:aws:sns:us-east-1:123456789012:a.fifo']", "topics[0]", "cannot be"),
    (SES, "topics = ['arn:aws:sns:us-east-1/@evil:123456789012:a']", "topics[0]", "cannot be"),
    (SES, f"topics = ['{TOPIC}'], certificate = 'none.pem'", "certificate", "cannot be read"),
    (SES, f"topics = ['{TOPIC}'], certificate = 'key.pem'", "certificate", "holds no certificate"),
    (SES, f"topics = ['{TOPIC}'], sns_endpoint = 'http://a/b'", "sns_endpoint", "cannot be"),
    (SES, "", "topics", "is missing"),
    (SENDGRID, "public_key = 'hello'", "public_key", "is no public key"),
    (SENDGRID, "", "public_key", "is missing"),
    (POSTMARK, "username = 'p', password = 'open'", "password", "stands in the file itself"),
    (POSTMARK, "username = 'p', password = 'env:S', header = 'X-A'", "header_value", "is missing"),
    (POSTMARK, "username = 'p', password = 'env:S', header_value = 'env:S'", "header", "is missing"),
    (POSTMARK, "username = 'p', password = 'env:S', header = 'X A'", "header", "cannot be"),
]


def read(text: str, folder: Path) -> Config:
    """The configuration beside a certificate and something that is none."""
    (folder / "sns.pem").write_bytes(certificate())
    (folder / "key.pem").write_text("a key")
    return read_config(text, folder=folder, environ=ENVIRON)


@pytest.mark.parametrize("text", GOOD)
def test_what_is_right_is_read_and_shown_without_its_secrets(text: str, tmp_path: Path) -> None:
    """What `config show` prints reads back as the same, and holds no password."""
    config = read(text, tmp_path)
    shown = as_toml(config)
    assert "hushhush" not in shown
    assert read(shown, tmp_path) == config


@pytest.mark.parametrize(("provider", "table", "key", "said"), BAD)
def test_what_would_keep_them_out_is_told(provider: str, table: str, key: str, said: str, tmp_path: Path) -> None:
    """At its own path, in words that say what to do."""
    with pytest.raises(ConfigProblems) as found:
        read(f"{provider}notifications = {{ {table} }}\n", tmp_path)
    told = {problem.path: str(problem) for problem in found.value.problems}
    path = f"providers[0].notifications.{key}"
    assert path in told
    assert said in told[path]
    assert "hushhush" not in told[path]


def test_notifications_without_a_way_in_are_mentioned(tmp_path: Path) -> None:
    """No listener serves hooks: allowed, and told."""
    closed = '[[listen]]\nhttp="127.0.0.1:0"\nroles=["admin"]\n'
    warned = [problem.path for problem in warnings_of(read(closed + GOOD[0], tmp_path))]
    assert "providers[0].notifications" in warned
    warned = [problem.path for problem in warnings_of(read(GOOD[0], tmp_path))]
    assert "providers[0].notifications" not in warned


@pytest.mark.parametrize(("length", "warned"), [(19, True), (20, False)])
def test_a_password_that_can_be_guessed_is_mentioned(length: int, warned: bool, tmp_path: Path) -> None:
    """Postmark signs nothing, so the password is all there is."""
    text = POSTMARK + 'notifications = { username = "postmark", password = "env:LONG" }\n'
    config = read_config(text, folder=tmp_path, environ={**ENVIRON, "LONG": "x" * length})
    path = "providers[0].notifications.password"
    assert (path in [problem.path for problem in warnings_of(config)]) is warned
