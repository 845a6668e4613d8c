"""Showing what is in effect, warnings, and what a running gateway can take from a changed file."""

from dataclasses import fields
from pathlib import Path

import pytest

from posthorse.config import Config, ConfigProblems, merged, read_config, reload, reload_config, warnings_of
from posthorse.config.show import as_toml, shown

BASE = """
[[listen]]
smtp = "127.0.0.1:0"
[[access_keys]]
id = "A"
secret = "env:KEY"
[[domains]]
name = "example.com"
[[providers]]
name = "first"
kind = "smtp"
host = "a.example"
[[providers]]
name = "second"
kind = "mailbox"
folder = "mailbox"
[[routes]]
stream = "urgent"
providers = ["first", "second"]
[[classify]]
match = { subject = "say \\"hi\\"*" }
stream = "urgent"
[streams.urgent]
deadline = "15m"
[limits]
messages = "600/m"
"""


def read(text: str) -> Config:
    """The checked tree of a text, in a folder that need not exist."""
    return read_config(text, folder=Path("/etc/posthorse"), environ={"KEY": "value of the key"})


def test_what_is_shown_reads_back_as_the_same_tree() -> None:
    """`config show` prints a complete file: reading it again gives an equal tree."""
    config = read(BASE)
    assert read(as_toml(config)) == config


def test_what_is_shown_holds_references_and_no_secret() -> None:
    """A secret shows as where it comes from."""
    text = as_toml(read(BASE))
    assert "env:KEY" in text
    assert "value of the key" not in text
    assert "value of the key" not in str(shown(read(BASE)))


def warned(text: str) -> list[str]:
    """Paths of the warnings about a text, but for the spool's folder, which need not exist here."""
    return [warning.path for warning in warnings_of(read(text)) if warning.path != "spool.url"]


def test_a_missing_spool_folder_is_mentioned(tmp_path: Path) -> None:
    """The gateway could not start there; once it can be written to, nothing is said."""
    for folder, expected in ((tmp_path / "missing", ["spool.url"]), (tmp_path, [])):
        config = read_config(BASE, folder=folder, environ={"KEY": "value of the key"})
        assert [warning.path for warning in warnings_of(config)] == expected


def test_a_disk_with_less_room_than_it_must_keep_is_mentioned(tmp_path: Path) -> None:
    """All mail would be refused from the start."""
    text = BASE.replace("[limits]", '[limits]\nfree_space = "1000000GiB"')
    (warning,) = warnings_of(read_config(text, folder=tmp_path, environ={"KEY": "value of the key"}))
    assert warning.path == "spool.url"
    assert "must keep 1024000000 MiB" in str(warning)


def test_a_careful_configuration_has_no_warnings() -> None:
    """Two providers, a named domain, keys and loopback listeners: nothing to mention."""
    assert warned(BASE) == []


def test_what_stays_on_this_machine_may_be_plain() -> None:
    """Credentials for a provider on loopback pass nobody who could read them."""
    plain = BASE.replace('host = "a.example"', 'host = "127.0.0.1"\ntls = "none"\nusername = "u"\npassword = "env:KEY"')
    assert warned(plain) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('[[domains]]\nname = "example.com"\n', "", "domains"),
        ('smtp = "127.0.0.1:0"', 'smtp = "0.0.0.0:2525"', "listen[0]"),
        ('smtp = "127.0.0.1:0"', 'http = "0.0.0.0:80"\nroles = ["metrics"]', "listen[0].roles"),
        ('smtp = "127.0.0.1:0"', 'http = "0.0.0.0:80"\nroles = ["api"]', "listen[0]"),
        ("[[domains]]", '[[trusted_sources]]\ncidr = "10.0.0.0/8"\n[[domains]]', "trusted_sources[0]"),
        ("[[domains]]", '[[trusted_sources]]\ncidr = "unix"\n[[domains]]', "trusted_sources[0]"),
        ("[[domains]]", '[[trusted_sources]]\ncidr = "loopback"\n[[domains]]', "trusted_sources[0]"),
        ('[[access_keys]]\nid = "A"\nsecret = "env:KEY"\n', "", "access_keys"),
        (
            'host = "a.example"',
            'host = "a.example"\ntls = "none"\nusername = "u"\npassword = "env:KEY"',
            "providers[0]",
        ),
        (
            'kind = "mailbox"\nfolder = "mailbox"',
            (
                'kind = "ses"\nregion = "us-east-1"\nendpoint = "http://ses.example"\naccess_key_id = "A"\n'
                'secret_access_key = "env:KEY"'
            ),
            "providers[1]",
        ),
        ("[[domains]]", '[log]\nfile = "nowhere/posthorse.log"\n[[domains]]', "log.file"),
    ],
)
def test_what_is_allowed_and_unwise_is_mentioned(old: str, new: str, path: str) -> None:
    """Each unwise setting is a warning of its own, and no problem."""
    assert old in BASE
    assert warned(BASE.replace(old, new)) == [path]


def test_a_single_provider_is_mentioned() -> None:
    """With one provider nothing can fail over."""
    assert "providers" in warned('[[providers]]\nname = "a"\nkind = "mailbox"\nfolder = "m"\n')


def test_routes_weights_limits_and_rules_take_effect_at_once() -> None:
    """A reload applies what needs no new connection or socket."""
    wanted = read(
        BASE.replace('["first", "second"]', '["second", "first"]')
        .replace("[limits]", "[limits]\nrecipients = 10")
        .replace('deadline = "15m"', 'deadline = "20m"')
        .replace("600/m", "6/m")
        .replace('host = "a.example"', 'host = "a.example"\nweight = 7')
    )
    result = merged(read(BASE), wanted)
    applied = {"routes", "limits.recipients", "limits.messages", "streams.urgent.deadline", "providers[first].weight"}
    assert set(result.applied) == applied
    assert result.needs_restart == ()
    assert result.config == wanted


def test_what_needs_a_start_keeps_its_old_value_and_is_named() -> None:
    """Listeners, provider addresses and new providers wait; the running set stays whole meanwhile."""
    running = read(BASE)
    wanted = read(
        BASE.replace("127.0.0.1:0", "127.0.0.1:25")
        .replace("a.example", "b.example")
        .replace('deadline = "15m"', 'deadline = "15m"\nelsewhere_after = "30s"')
        + '[node]\nname = "other"\n[spool]\nurl = "sqlite:other.db"\n[dispatch]\nslots = 7\n[log]\nmail = false\n'
        + '[[providers]]\nname = "third"\nkind = "mailbox"\nfolder = "m"\n'
    )
    result = merged(running, wanted)
    assert result.needs_restart == (
        "dispatch.slots",
        "listen",
        "log.mail",
        "node.name",
        "providers[first].host",
        "providers[third]",
        "spool.url",
        "streams.urgent.elsewhere_after",
    )
    assert result.applied == ()
    assert result.config == running


def test_a_stream_without_its_section_has_its_own_rule_again() -> None:
    """Taking a section out of the file is a change like any other."""
    result = merged(read(BASE), read(BASE.replace('[streams.urgent]\ndeadline = "15m"\n', "")))
    assert result.applied == ("streams.urgent.deadline",)
    assert result.config.streams == {}


def test_a_provider_of_another_kind_waits_for_a_start() -> None:
    """The same name for something else keeps what runs."""
    other = BASE.replace('kind = "smtp"\nhost = "a.example"', 'kind = "mailbox"\nfolder = "m"')
    result = merged(read(BASE), read(other))
    assert (result.applied, result.needs_restart) == ((), ("providers[first].kind",))
    assert result.config == read(BASE)


def test_routes_to_a_provider_that_is_not_running_wait_with_it() -> None:
    """A route never names a provider that the running gateway does not have."""
    wanted = read(
        BASE.replace('["first", "second"]', '["third"]')
        + '[[providers]]\nname = "third"\nkind = "mailbox"\nfolder = "m"\n'
    )
    result = merged(read(BASE), wanted)
    assert result.needs_restart == ("providers[third]", "routes")
    assert result.config.routes == read(BASE).routes


def test_a_provider_that_is_gone_from_the_file_runs_on_until_the_start() -> None:
    """Its mail in flight is not cut off; new routes simply no longer name it."""
    gone = BASE.replace('[[providers]]\nname = "second"\nkind = "mailbox"\nfolder = "mailbox"\n', "").replace(
        '["first", "second"]', '["first"]'
    )
    result = merged(read(BASE), read(gone))
    assert result.needs_restart == ("providers[second]",)
    assert [provider.name for provider in result.config.providers] == ["first", "second"]
    assert result.config.routes[0].providers == ("first",)


def test_no_section_is_forgotten_by_a_reload() -> None:
    """Each section of the tree is in one list or has a rule of its own; a change of feedback is told."""
    listed = (*reload._AT_START, *reload._AT_ONCE, *reload._BY_SETTING, "streams", "providers")
    assert sorted(listed) == sorted(field.name for field in fields(Config))
    result = merged(read(BASE), read(BASE + '[feedback]\nconfirm_within = "3s"\n'))
    assert result.applied == ("feedback.confirm_within",)


def test_what_notifications_prove_themselves_with_takes_effect_at_once() -> None:
    """A password is rotated, and a provider begins to tell, without a start; nothing else of that provider changes."""
    told = BASE + (
        '[[providers]]\nname = "marks"\nkind = "postmark"\nserver_token = "env:KEY"\n'
        'notifications = { username = "postmark", password = "env:KEY" }\n'
    )
    begun = merged(read(told.replace("notifications", "#")), read(told))
    assert (begun.applied, begun.needs_restart) == (("providers[marks].notifications",), ())
    assert begun.config == read(told)
    moved = merged(read(told), read(told.replace('"postmark", p', '"other", p')))
    assert (moved.applied, moved.needs_restart) == (("providers[marks].notifications",), ())


def test_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    """A reload of a broken file raises every problem and leaves the running set as it is."""
    path = tmp_path / "posthorse.toml"
    path.write_text(BASE.replace("600/m", "many"))
    running = read(BASE)
    with pytest.raises(ConfigProblems, match=r"limits\.messages"):
        reload_config(running, path, {"KEY": "k"})
    assert running == read(BASE)
