"""What the kinds `sendgrid` and `postmark` need to be told."""

from pathlib import Path

import pytest

from posthorse.cli.resolving import host_of
from posthorse.config import ConfigProblems, PostmarkSettings, SendGridSettings, read_config, warnings_of

GRID = '[[providers]]\nname = "grid"\nkind = "sendgrid"\napi_key = "env:KEY"\n'
MARK = '[[providers]]\nname = "mark"\nkind = "postmark"\nserver_token = "env:TOKEN"\n'
ENVIRON = {"KEY": "SG.secret", "TOKEN": "a-token"}


def test_both_are_read_with_their_secrets_followed(tmp_path: Path) -> None:
    """Keys by reference; everything else has a default."""
    config = read_config(
        f'{GRID}ip_pool = "receipts"\n{MARK}message_stream = "outbound"\n', folder=tmp_path, environ=ENVIRON
    )
    grid, mark = config.providers
    assert isinstance(grid, SendGridSettings)
    assert isinstance(mark, PostmarkSettings)
    assert (grid.api_key.reveal(), grid.ip_pool, grid.endpoint) == ("SG.secret", "receipts", "")
    assert (mark.server_token.reveal(), mark.message_stream) == ("a-token", "outbound")
    assert "secret" not in repr(grid)
    assert [host_of(provider) for provider in config.providers] == ["api.sendgrid.com", "api.postmarkapp.com"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (GRID.replace('"env:KEY"', '"SG.secret"'), "providers[0].api_key"),
        (GRID.replace('api_key = "env:KEY"\n', ""), "providers[0].api_key"),
        (MARK.replace("env:TOKEN", "env:NOT_SET"), "providers[0].server_token"),
        (GRID + 'endpoint = "https://api.example/v3"\n', "providers[0].endpoint"),
        (MARK + 'message_stream = "Not A Stream"\n', "providers[0].message_stream"),
        (MARK + 'ca_file = "missing.pem"\n', "providers[0].ca_file"),
        (GRID + 'server_token = "env:TOKEN"\n', "providers[0].server_token"),
    ],
)
def test_what_is_wrong_is_told_at_its_path(text: str, path: str, tmp_path: Path) -> None:
    """Secrets in the file, missing ones, bad addresses, keys of another kind."""
    with pytest.raises(ConfigProblems) as found:
        read_config(text, folder=tmp_path, environ=ENVIRON)
    assert path in {problem.path for problem in found.value.problems}
    assert "SG.secret" not in str(found.value)


def test_a_key_in_the_clear_is_a_warning(tmp_path: Path) -> None:
    """Over plain HTTP to another machine, but not to this one."""
    for endpoint, warned in (
        ("http://api.example", True),
        ("http://127.0.0.1:9", False),
        ("https://api.example", False),
    ):
        config = read_config(f'{GRID}endpoint = "{endpoint}"\n', folder=tmp_path, environ=ENVIRON)
        told = [problem for problem in warnings_of(config) if problem.path.startswith("providers[0]")]
        assert bool(told) is warned, endpoint


def test_routes_without_a_way_for_everything_are_a_warning(tmp_path: Path) -> None:
    """What such providers cannot carry has nowhere to go: said for each route, and for the implied one."""
    box = '[[providers]]\nname = "box"\nkind = "mailbox"\nfolder = "mail"\n'
    only = '[[routes]]\nstream = "bulk"\nproviders = ["grid"]\n'
    both = '[[routes]]\nstream = "once"\nproviders = ["grid", "box"]\n'
    for text, paths in (
        (GRID + MARK, {"providers"}),
        (GRID + box + only + both, {"routes[0]"}),
        (GRID + box, set()),
        (GRID + MARK + only, {"providers", "routes[0]"}),
    ):
        told = {
            each.path
            for each in warnings_of(read_config(text, folder=tmp_path, environ=ENVIRON))
            if "apart" in each.what
        }
        assert told == paths
