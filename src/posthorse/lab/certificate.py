"""Certificates of the lab's own, so that TLS and signed notifications can be verified as those of a real provider.

Duty: write a self-signed certificate and its key for one host, and one for whoever signs notifications. Promise: a
client that trusts the file, and only it, can verify the host or the signature. The key that signs notifications can be
kept, so that whoever trusted the file once may go on. Left out: renewal; each certificate is made anew at each start.
"""

import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

K = TypeVar("K", rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Where a certificate and its key lie, both PEM."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """What a server needs to use it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(folder: Path, host: str) -> Certificate:
    """Write `lab-cert.pem` and `lab-key.pem` for `host` and localhost into `folder`, valid for a month."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _begun("Posthorse lab", key, datetime.now(UTC), days=31)
        .add_extension(x509.SubjectAlternativeName([_alternative(host), x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(certificate=folder / "lab-cert.pem", key=folder / "lab-key.pem")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.touch(0o600)
    made.key.write_bytes(_pem(key))
    return made


def new_rsa_key() -> rsa.RSAPrivateKey:
    """A key to sign notifications with."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def kept_rsa_key(file: Path) -> rsa.RSAPrivateKey:
    """The key in this file; where there is none that can be read, a new one is put there first."""
    kept = _kept(file)
    return kept if isinstance(kept, rsa.RSAPrivateKey) else _keep(file, new_rsa_key())


def kept_ec_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The same on the curve P-256."""
    kept = _kept(file)
    if isinstance(kept, ec.EllipticCurvePrivateKey):
        return kept
    return _keep(file, ec.generate_private_key(ec.SECP256R1()))


def _kept(file: Path) -> object:
    with suppress(FileNotFoundError, ValueError, TypeError):
        return serialization.load_pem_private_key(file.read_bytes(), password=None)
    return None


def _keep(file: Path, key: K) -> K:
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    beside.touch(0o600)
    beside.write_bytes(_pem(key))
    beside.replace(file)
    return key


def make_signing_certificate(folder: Path, file: str, key: rsa.RSAPrivateKey, now: int) -> Path:
    """Write a certificate for this key into `folder`, as SNS has it, good for a year; `now` in microseconds UTC."""
    at = datetime.fromtimestamp(now / 1e6, UTC)
    certificate = _begun("sns.amazonaws.com", key, at, days=366).sign(key, hashes.SHA256())
    path = folder / file
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _begun(
    name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, at: datetime, *, days: int
) -> x509.CertificateBuilder:
    """A certificate by itself for itself, good from an hour ago; not signed yet."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=days))
    )


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
