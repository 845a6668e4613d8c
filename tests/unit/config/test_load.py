"""Loading a configuration: what is read, and that everything wrong is told at once with its place and a remedy."""

import re
from pathlib import Path

import pytest

from posthorse.config import (
    Config,
    ConfigProblems,
    MailboxSettings,
    SesSettings,
    SmtpSettings,
    load_config,
    read_config,
)
from posthorse.mail.ports import TlsMode
from posthorse.mail.stream import RULES, Stream
from posthorse.web.role import Role

SMALLEST = '[[providers]]\nname = "here"\nkind = "mailbox"\nfolder = "mailbox"\n'

FULL = """
[node]
name = "mx.example.com"
[spool]
url = "sqlite:data/spool.db"
[[listen]]
http = "127.0.0.1:8025"
roles = ["admin", "metrics"]
[[listen]]
smtp = "[::1]:2525"
[[access_keys]]
id = "AKIAPOSTHORSE0000001"
secret = "env:KEY"
[[access_keys]]
id = "old-shop"
smtp_password = "file:shop.txt"
tenant = "shop"
[[trusted_sources]]
cidr = "127.0.0.1/32"
[[classify]]
match = { subject = "*password*", tag = "kind=code" }
stream = "urgent"
[[domains]]
name = "example.com"
[[providers]]
name = "ses-virginia"
kind = "ses"
region = "us-east-1"
access_key_id = "env:SES_ID"
secret_access_key = "env:SES_SECRET"
[[providers]]
name = "relay"
kind = "smtp"
host = "smtp.example.net"
port = 465
tls = "implicit"
username = "me"
password = "env:RELAY"
connect_timeout = "500ms"
weight = 0
[[routes]]
stream = "urgent"
providers = ["relay", "ses-virginia"]
strategy = "weighted"
[streams.urgent]
deadline = "15m"
[limits]
message_size = "10MiB"
messages = "120/m"
"""
ENVIRON = {"KEY": "the secret key", "SES_ID": "AKIAEXAMPLE", "SES_SECRET": "s", "RELAY": "r"}


def read(text: str, folder: Path, environ: dict[str, str] | None = None) -> Config:
    """The checked tree of a text."""
    return read_config(text, folder=folder, environ=ENVIRON if environ is None else environ)


def problems(text: str, folder: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    """What is wrong with a text, by path."""
    with pytest.raises(ConfigProblems) as caught:
        read(text, folder, environ)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_every_section_is_read(tmp_path: Path) -> None:
    """A file that uses every section becomes one tree of values, references followed, units applied."""
    (tmp_path / "shop.txt").write_text("smtp password\n")
    config = read(FULL, tmp_path)
    ses, relay = config.providers
    assert config.node.name == "mx.example.com"
    assert config.spool.url.file == tmp_path / "data/spool.db"
    assert [(str(each.address), each.roles) for each in config.listen] == [
        ("127.0.0.1:8025", (Role.ADMIN, Role.METRICS)),
        ("[::1]:2525", tuple(Role)),
    ]
    assert [key.secret and key.secret.reveal() for key in config.access_keys] == ["the secret key", None]
    assert config.access_keys[1].smtp_password is not None
    assert config.access_keys[1].smtp_password.reveal() == "smtp password"
    assert config.classify[0].stream is Stream.URGENT
    assert config.classify[0].match.subject == "*password*"
    assert isinstance(ses, SesSettings)
    assert (ses.access_key_id, ses.secret_access_key.reveal()) == ("AKIAEXAMPLE", "s")
    assert isinstance(relay, SmtpSettings)
    assert (relay.port, relay.tls, relay.connect_timeout_s, relay.weight) == (465, TlsMode.IMPLICIT, 0.5, 0)
    assert config.routes[0].providers == ("relay", "ses-virginia")
    assert (config.limits.message_size_bytes, config.limits.messages_per_s) == (10 << 20, 2)


def test_the_smallest_file_gets_loopback_listeners_and_defaults(tmp_path: Path) -> None:
    """One provider is enough: the spool stands beside the file and every listener is on loopback."""
    config = read(SMALLEST, tmp_path)
    assert config.spool.url.file == tmp_path / "posthorse.db"
    assert config.listen
    assert all(listener.address.loopback for listener in config.listen)
    assert config.providers == (MailboxSettings(name=config.providers[0].name, folder=tmp_path / "mailbox"),)
    assert config.trusted_sources == ()


def test_streams_keep_their_rule_save_what_the_file_says(tmp_path: Path) -> None:
    """A declared deadline replaces the stream's own; nothing else of any rule moves."""
    rules = read(SMALLEST + '[streams.urgent]\ndeadline = "15m"\n', tmp_path).rules()
    assert rules[Stream.URGENT].deadline_s == 900
    assert rules[Stream.URGENT].elsewhere_after_s == RULES[Stream.URGENT].elsewhere_after_s
    assert {stream: rules[stream] for stream in Stream if stream is not Stream.URGENT} == {
        stream: RULES[stream] for stream in Stream if stream is not Stream.URGENT
    }


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Eight mistakes in five sections are eight problems, each with its path and what to do."""
    told = problems(
        """
        colour = "red"
        [[listen]]
        smtps = "127.0.0.1:465"
        [[access_keys]]
        id = "A"
        secret = "hunter2hunter2"
        [[providers]]
        name = "relay"
        kind = "smtp"
        hots = "h"
        port = "587"
        [[providers]]
        name = "other"
        kind = "pigeon"
        [[routes]]
        stream = "urgent"
        providers = ["relay", "nowhere"]
        [limits]
        idle_timeout = 30
        """,
        tmp_path,
    )
    assert set(told) == {
        "colour",
        "listen[0].tls_certificate",
        "access_keys[0].secret",
        "providers[0].hots",
        "providers[0].host",
        "providers[0].port",
        "providers[1].kind",
        "routes[0].providers[1]",
        "limits.idle_timeout",
    }
    assert "did you mean `host`" in told["providers[0].hots"]
    assert "env:NAME" in told["access_keys[0].secret"]
    assert "ses, smtp, sendgrid, postmark, mailbox" in told["providers[1].kind"]
    assert "unit" in told["limits.idle_timeout"]


def test_an_inline_secret_never_shows_in_the_problem(tmp_path: Path) -> None:
    """A secret written into the file is refused without being repeated on a screen or in a log."""
    told = problems(SMALLEST + '[[access_keys]]\nid = "A"\nsecret = "hunter2hunter2"\n', tmp_path)
    assert "hunter2" not in "\n".join(told.values())


def test_a_read_secret_shows_nowhere(tmp_path: Path) -> None:
    """Neither `repr` nor `str` of the whole tree holds a secret's value."""
    (tmp_path / "shop.txt").write_text("smtp password\n")
    config = read(FULL, tmp_path)
    assert "the secret key" not in f"{config!r} {config}"
    assert "smtp password" not in f"{config!r} {config}"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOBODY", "NOBODY, which is not set"),
        ("file:none.txt", "cannot be read"),
        ("env:EMPTY", "which is empty"),
        ("file:empty.txt", "which is empty"),
        ("file:binary", "not text"),
        ("file:.", "cannot be read"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(reference: str, said: str, tmp_path: Path) -> None:
    """A missing or empty secret stops the start instead of failing at the first login."""
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    told = problems(SMALLEST + f'[[access_keys]]\nid = "A"\nsecret = "{reference}"\n', tmp_path, {"EMPTY": ""})
    assert said in told["access_keys[0].secret"]


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0"])
def test_the_whole_internet_is_no_trusted_source(cidr: str, tmp_path: Path) -> None:
    """A trusted source that holds everybody would be an open relay."""
    told = problems(SMALLEST + f'[[trusted_sources]]\ncidr = "{cidr}"\n', tmp_path)
    assert "open relay" in told["trusted_sources[0].cidr"]


TOGETHER = [
    ("[[listen]]\nhttp = '127.0.0.1:1'\nsmtp = '127.0.0.1:2'\n", "listen[0]", "exactly one"),
    ("[[listen]]\nroles = ['admin']\n", "listen[0]", "exactly one"),
    ("[[listen]]\nhttp = '127.0.0.1:1'\nroles = []\n", "listen[0].roles", "empty"),
    ("[[listen]]\nsmtp = '127.0.0.1:1'\ntls_key = 'k.pem'\n", "listen[0].tls_certificate", "belong together"),
    ("[[listen]]\nsmtp = '127.0.0.1:1'\n[[listen]]\nhttp = '127.0.0.1:1'\n", "listen[1].address", "twice"),
    ("[[listen]]\nsmtp = '127.0.0.1'\n", "listen[0].smtp", "not an address"),
    ("[[listen]]\nsmtp = '::1:25'\n", "listen[0].smtp", "brackets"),
    ("[[listen]]\nsmtp = '127.0.0.1:65536'\n", "listen[0].smtp", "not an address"),
    ("[[access_keys]]\nid = 'A'\n", "access_keys[0]", "neither"),
    ("[[access_keys]]\nid = 'A'\nsecret = 'env:KEY'\nsmtp_password = 'env:KEY'\n", "access_keys[0]", "both"),
    ("[[trusted_sources]]\ncidr = '10.0.0.1/8'\n", "trusted_sources[0].cidr", "host bits"),
    ("[[trusted_sources]]\ncidr = 'localhost'\n", "trusted_sources[0].cidr", "loopback"),
    ("[[listen]]\nhttp = 'unix:api.sock'\n", "listen[0].http", "begins with /"),
    ("[[listen]]\nhttp = 'unix:/" + "x" * 107 + "'\n", "listen[0].http", "107 bytes"),
    ("[[listen]]\nsmtp = 'unix:/run/p.sock'\n", "listen[0]", "only http"),
    ("[[listen]]\nhttp = 'unix:/a'\n[[listen]]\nhttp = 'unix:/a'\n", "listen[1].address", "twice"),
    ("[[classify]]\nmatch = {}\nstream = 'bulk'\n", "classify[0].match", "everything"),
    ("[[classify]]\nmatch = { tag = 'x' }\nstream = 'bulk'\n", "classify[0].match.tag", "name=value"),
    (
        "[[classify]]\nmatch = { subject = 'x' }\nstream = 'fast'\n",
        "classify[0].stream",
        "urgent, standard, once, bulk",
    ),
    ("[[providers]]\nname = 'here'\nkind = 'mailbox'\nfolder = 'm'\n", "providers[1].name", "twice"),
    ("[[providers]]\nname = 'r'\nkind = 'smtp'\nhost = 'h'\nusername = 'u'\n", "providers[1].password", "both"),
    ("[[providers]]\nname = 'a b'\nkind = 'mailbox'\nfolder = 'm'\n", "providers[1].name", "a b"),
    ("[[providers]]\nname = 'r'\nkind = 'smtp'\nhost = 'h'\nca_file = 'no.pem'\n", "providers[1].ca_file", "read"),
    ("[[providers]]\nname = 'r'\nkind = 'smtp'\nhost = 'h'\nca_file = 'k.pem'\n", "providers[1].ca_file", "no cert"),
    ("[[providers]]\nname = 'r'\nkind = 'smtp'\nhost = 'h'\nca_file = '.'\n", "providers[1].ca_file", "directory"),
    ("[[routes]]\nstream = 'bulk'\nproviders = []\n", "routes[0].providers", "empty"),
    ("[[routes]]\nstream = 'bulk'\nproviders = ['here', 'here']\n", "routes[0].providers[1]", "twice"),
    (
        "[[routes]]\nstream = 'bulk'\nproviders = ['here']\n[[routes]]\nstream = 'bulk'\nproviders = ['here']\n",
        "routes[1].stream",
        "twice",
    ),
    ("[streams.once]\nelsewhere_after = '5s'\n", "streams.once.elsewhere_after", "never sent twice"),
    ("[streams.fast]\ndeadline = '5s'\n", "streams.fast", "urgent, standard, once, bulk"),
    ("[limits]\nrecipients = 0\n", "limits.recipients", ">= 1"),
    ("[spool]\nurl = 'postgresql://a/b'\n", "spool.url", "sqlite:posthorse.db"),
    ("[spool]\nurl = 'sqlite:'\n", "spool.url", "no file"),
    ("[[limits]]\nrecipients = 1\n", "limits", "not a table"),
    ("[access_keys]\nid = 'A'\n", "access_keys", "[[access_keys]]"),
]


@pytest.mark.parametrize(("more", "path", "said"), TOGETHER, ids=[f"{row[1]}-{row[2]}" for row in TOGETHER])
def test_what_does_not_fit_together_is_told_with_its_place(more: str, path: str, said: str, tmp_path: Path) -> None:
    """Each mistake is reported at its own path, once, with words that say what to do."""
    (tmp_path / "k.pem").write_text("a key")
    told = problems(SMALLEST + more, tmp_path)
    assert list(told) == [path]
    assert said in told[path]


def test_no_provider_at_all_is_a_problem(tmp_path: Path) -> None:
    """A gateway without a way out would take mail it can never hand over."""
    assert list(problems("", tmp_path)) == ["providers"]


def test_what_is_no_toml_names_its_line(tmp_path: Path) -> None:
    """A slip of the pen is told with file, line and column."""
    assert "line 2" in problems("[node]\nname = \n", tmp_path)[""]
    file = tmp_path / "posthorse.toml"
    file.write_text("[node]\nname = \n")
    with pytest.raises(ConfigProblems, match=f"^{re.escape(str(file))}: is not TOML: .*line 2, column 8"):
        load_config(file, {})


def test_a_missing_file_is_told_like_every_other_problem(tmp_path: Path) -> None:
    """A file that is not there, or not text, is a problem with a remedy and not a traceback."""
    with pytest.raises(ConfigProblems, match="--config"):
        load_config(tmp_path / "none.toml", {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigProblems, match="UTF-8"):
        load_config(tmp_path / "binary.toml", {})
