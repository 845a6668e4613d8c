"""`posthorse keys dkim`: what to publish, told without the gateway's other secrets."""

import json
from pathlib import Path

import pytest

from posthorse.cli.app import run
from tests.unit.cli.stage import CONFIG, Stage

ED25519 = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINpkLYIQ6+v1Kp9F0PUcwYJ3Nwau7QEXm8bN9p8Yf5sA
-----END PRIVATE KEY-----
"""


def test_the_record_of_each_key_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, type and text of each record; the secrets of access keys and providers need not be there."""
    (tmp_path / "ph1.pem").write_text(ED25519)
    file = tmp_path / "posthorse.toml"
    file.write_text(
        CONFIG.replace('name = "a.example"', 'name = "A.example"\ndkim = [{ selector = "ph1", key = "file:ph1.pem" }]')
    )
    assert run(["keys", "dkim", "--config", str(file), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["name"], record["type"]) == ("ph1._domainkey.a.example", "TXT")
    assert record["value"].startswith("v=DKIM1; k=ed25519; p=")
    assert run(["keys", "dkim", "--config", str(file)]) == 0
    assert capsys.readouterr().out.startswith('ph1._domainkey.a.example. TXT "v=DKIM1; ')


def test_without_keys_that_is_said(stage: Stage) -> None:
    """No key is no failure."""
    status, out, _ = stage.call("keys", "dkim")
    assert (status, out) == (0, "no [[domains]] has a dkim key\n")
