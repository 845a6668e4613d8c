"""The quickstart's folder: what a person may have changed is kept, and a port that is taken is told with its holder."""

import os
import random
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from posthorse.config.problem import ConfigProblems
from posthorse.config.providers import SesSettings
from posthorse.lab.certificate import kept_rsa_key
from posthorse.lab.sns import SnsTopic
from posthorse.quickstart import house as quickstart_house
from posthorse.quickstart.banner import banner
from posthorse.quickstart.house import RELAY_NAME, SES_NAME, House, move_in

WHERE = {"smtp": "smtp://127.0.0.1:1", "http": "http://127.0.0.1:2"}


@pytest.fixture(autouse=True)
def _own_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's `make run` on this machine is in the way: each wanted port is one that was free a moment ago."""
    for name in ("SMTP_PORT", "HTTP_PORT", "CONTROL_PORT", "SES_PORT", "RELAY_PORT", "SNS_PORT"):
        with taken() as port:
            monkeypatch.setattr(quickstart_house, name, port)


@contextmanager
def taken() -> Iterator[int]:
    """A port at which this process listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def moved_in(folder: Path) -> tuple[House, list[str]]:
    """The folder made ready or found again, and what a person was told."""
    told: list[str] = []
    return move_in(folder, {}, told.append), told


def test_a_new_folder_is_furnished_in_silence(tmp_path: Path) -> None:
    """The configuration is valid, has both simulated providers at known ports, and secrets only their owner reads."""
    house, told = moved_in(tmp_path / "quickstart")
    assert told == []
    assert set(house.simulated) == {SES_NAME, RELAY_NAME}
    assert 0 not in house.simulated.values()
    assert all(file.stat().st_mode & 0o077 == 0 for file in house.folder.glob("*secret"))


def test_an_edited_configuration_is_kept(tmp_path: Path) -> None:
    """The next start reads what the person wrote, changes nothing, and says in one line how to start afresh."""
    first, _ = moved_in(tmp_path)
    edited = first.path.read_text().replace('name = "localhost"', 'name = "mine"  # my own')
    first.path.write_text(edited)
    secret = (tmp_path / "access-key-secret").read_text()
    again, told = moved_in(tmp_path)
    assert first.path.read_text() == edited
    assert (again.config.node.name, again.simulated) == ("mine", first.simulated)
    assert (tmp_path / "access-key-secret").read_text() == secret
    (line,) = told
    assert "is kept" in line
    assert "to start afresh" in line


def test_what_signs_notifications_is_kept(tmp_path: Path) -> None:
    """The configuration trusts one certificate, there before the lab is; a lab that makes it anew keeps its key."""
    first, _ = moved_in(tmp_path)
    (told,) = [one.notifications for one in first.config.providers if isinstance(one, SesSettings)]
    assert told is not None
    assert told.certificate is not None
    before = x509.load_pem_x509_certificate(told.certificate.read_bytes()).public_key()
    topic = SnsTopic(name=SES_NAME, region="us-east-1", folder=first.lab_folder, dice=random.Random(1), now=lambda: 0)
    assert x509.load_pem_x509_certificate(told.certificate.read_bytes()).public_key() == before
    assert told.topics == (topic.arn,)
    assert (first.lab_folder / f"{SES_NAME}-sns-key.pem").stat().st_mode & 0o077 == 0
    assert first.sns_port not in (None, 0)


@pytest.mark.parametrize("left", [b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_signing_key_that_cannot_be_read_is_made_anew(left: bytes, tmp_path: Path) -> None:
    """Half a file, left by a full disk, does not keep a quickstart from starting."""
    file = tmp_path / "key.pem"
    file.write_bytes(left)
    made = kept_rsa_key(file)
    assert kept_rsa_key(file).private_numbers() == made.private_numbers()
    assert file.stat().st_mode & 0o077 == 0


def test_a_folder_of_an_earlier_version_is_kept_and_tells_nothing(tmp_path: Path) -> None:
    """Its configuration has no notifications: nothing is subscribed, and nothing is promised of delivery."""
    first, _ = moved_in(tmp_path)
    text = first.path.read_text()
    first.path.write_text(re.sub(r"\[providers\.notifications\]\n(\w.*\n)+", "", text))
    shutil.rmtree(first.lab_folder)
    again, told = moved_in(tmp_path)
    assert (again.simulated, again.sns_port) == (first.simulated, None)
    assert len(told) == 1
    assert "until it is delivered" not in banner(WHERE, again, "http://127.0.0.1:8027")


def test_the_banner_leads_aws_clients_here(tmp_path: Path) -> None:
    """Key, secret, both endpoints and a region; only where a listener serves the API and the secret is known."""
    house, _ = moved_in(tmp_path)
    words = banner(WHERE, house, "")
    secret = (tmp_path / "access-key-secret").read_text().strip()
    assert f"export AWS_SECRET_ACCESS_KEY='{secret}'" in words
    assert "export AWS_ENDPOINT_URL_SES=http://127.0.0.1:2\n" in words
    assert "export AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:2\n" in words
    for old, new in (
        ('secret = "file:access-key-secret"', 'smtp_password = "file:access-key-secret"'),
        ("[[access_keys]]", 'roles = ["hooks"]\n\n[[access_keys]]'),
    ):
        text = house.path.read_text()
        house.path.write_text(text.replace(old, new, 1))
        changed, _ = moved_in(tmp_path)
        house.path.write_text(text)
        assert "AWS_" not in banner(WHERE, changed, "")


def test_a_broken_configuration_is_kept_and_told(tmp_path: Path) -> None:
    """A slip of the person is theirs to mend: nothing is written over it."""
    house, _ = moved_in(tmp_path)
    house.path.write_text("[node")
    with pytest.raises(ConfigProblems, match="is not TOML"):
        moved_in(tmp_path)
    assert house.path.read_text() == "[node"


def test_only_what_is_still_simulated_is_simulated(tmp_path: Path) -> None:
    """A provider that was given a real address, or another name, is no longer played by the lab."""
    house, _ = moved_in(tmp_path)
    text = house.path.read_text().replace(f'name = "{RELAY_NAME}"', 'name = "relay"')
    house.path.write_text(text)
    assert set(moved_in(tmp_path)[0].simulated) == {SES_NAME}
    house.path.write_text(text.replace('endpoint = "http://127.0.0.1:', 'endpoint = "https://ses.example:'))
    own, _ = moved_in(tmp_path)
    assert own.simulated == {}
    words = banner({"smtp": "smtp://127.0.0.1:1", "http": "http://127.0.0.1:2"}, own, "")
    assert "Providers: ses-simulated, relay." in words
    assert "nothing leaves this machine" not in words
    assert "lab" not in words


def test_a_new_folder_evades_a_taken_port_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another port is written down, and the line names who has the first one."""
    with taken() as port:
        monkeypatch.setattr(quickstart_house, "SMTP_PORT", port)
        house, told = moved_in(tmp_path)
    assert house.config.listen[0].address.port not in (port, 0)
    (line,) = told
    assert f"127.0.0.1:{port} is taken by process {os.getpid()} (" in line
    assert f"SMTP is at {house.config.listen[0].address} instead" in line


def test_a_lab_of_somebody_else_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control port that is taken is told at each start, and the lines to copy lead to our own lab."""
    house, _ = moved_in(tmp_path)
    with taken() as port:
        monkeypatch.setattr(quickstart_house, "CONTROL_PORT", port)
        again, told = moved_in(tmp_path)
    assert again.control_port not in (port, house.control_port)
    assert f"the lab's control is at 127.0.0.1:{again.control_port} instead" in told[1]
    words = banner({"smtp": "smtp://127.0.0.1:1"}, again, f"http://127.0.0.1:{again.control_port}")
    assert f"export POSTHORSE_LAB=http://127.0.0.1:{again.control_port}" in words


@pytest.mark.parametrize("whose", ["listener", SES_NAME])
def test_a_kept_configuration_whose_port_is_taken_is_not_started(whose: str, tmp_path: Path) -> None:
    """Nothing is changed behind the person's back: the holder and the setting are named."""
    house, _ = moved_in(tmp_path)
    port = house.config.listen[0].address.port if whose == "listener" else house.simulated[SES_NAME]
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port} is taken by process {os.getpid()} .*{whose[:6]}"):
            moved_in(tmp_path)
