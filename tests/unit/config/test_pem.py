"""Certificates and keys that a configuration names: told before the gateway starts, not at the first connection."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from posthorse.config import ConfigProblems, read_config
from posthorse.config.pem import why_not_trusted
from tests.contract.certificates import Authority

SMALLEST = '[[providers]]\nname = "here"\nkind = "mailbox"\nfolder = "mailbox"\n'
LISTENER = '[[listen]]\nsmtps = "127.0.0.1:0"\ntls_certificate = "chain.pem"\ntls_key = "key.pem"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Its files are `ca.pem`, and `127.0.0.130.pem` with key and certificate of a server."""
    made = Authority(tmp_path)
    made.context()
    (tmp_path / "127.0.0.130.pem").rename(tmp_path / "chain.pem")
    return made


def told(folder: Path, more: str) -> dict[str, str]:
    """The problems of a configuration by their place; empty: it is good."""
    try:
        read_config(SMALLEST + more, folder=folder, environ={})
    except ConfigProblems as error:
        return {problem.path: str(problem) for problem in error.problems}
    return {}


def write_key(folder: Path, passphrase: bytes = b"") -> None:
    """A key of its own, perhaps with a passphrase, as `key.pem`."""
    sealing = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing)
    (folder / "key.pem").write_bytes(pem)


def test_a_certificate_with_its_own_key_is_good(authority: Authority, tmp_path: Path) -> None:
    """Key and chain may lie in one file or in two."""
    (tmp_path / "key.pem").write_bytes((tmp_path / "chain.pem").read_bytes())
    assert told(tmp_path, LISTENER) == {}


def test_a_key_of_another_certificate_is_told(authority: Authority, tmp_path: Path) -> None:
    """A mismatch would fail at the start, or at each client's handshake."""
    write_key(tmp_path)
    problems = told(tmp_path, LISTENER)
    assert list(problems) == ["listen[0].tls_key"]
    assert "is not the key of the certificate" in problems["listen[0].tls_key"]


def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked(authority: Authority, tmp_path: Path) -> None:
    """A gateway that waits at a prompt takes no mail."""
    write_key(tmp_path, b"secret")
    assert "passphrase" in told(tmp_path, LISTENER)["listen[0].tls_key"]


@pytest.mark.parametrize("missing", ["chain.pem", "key.pem"])
def test_a_file_that_cannot_be_read_is_told_once(authority: Authority, missing: str, tmp_path: Path) -> None:
    """The file that is missing is named; nothing follows from it that was not said."""
    write_key(tmp_path)
    (tmp_path / missing).unlink()
    (problem,) = told(tmp_path, LISTENER).values()
    assert f"{missing} cannot be read" in problem


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    """A listener with two text files does not start."""
    for name in ("chain.pem", "key.pem"):
        (tmp_path / name).write_text("not yet")
    assert "cannot be used" in told(tmp_path, LISTENER)["listen[0].tls_key"]


def test_whom_to_trust_must_be_certificates(authority: Authority, tmp_path: Path) -> None:
    """A file with certificates is good; an empty one, a key, or half a certificate would trust nobody."""
    write_key(tmp_path)
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "half.pem").write_bytes(Path(authority.ca_file).read_bytes()[:200])
    relay = '[[providers]]\nname = "r"\nkind = "smtp"\nhost = "h"\nca_file = "{}"\n'
    assert told(tmp_path, relay.format("ca.pem")) == {}
    for name in ("empty.pem", "key.pem", "half.pem"):
        assert "no certificate" in told(tmp_path, relay.format(name))["providers[1].ca_file"]


def test_a_list_of_revoked_certificates_is_none(authority: Authority, tmp_path: Path) -> None:
    """Such a list is read without a word by TLS libraries, and trusts nobody."""
    file = authority.revocations()
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    assert why_not_trusted(file) == "holds no certificate"
