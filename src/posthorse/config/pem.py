"""Certificates and keys in files: whether what a setting names can be used for what it is named for.

Promise: nothing is asked of a person (a key with a passphrase is refused), and no secret is in what is told. Left out:
whether a certificate is of the right name or date; that is for whoever is shown it.
"""

import ssl
from pathlib import Path


def why_not_trusted(ca_file: Path) -> str:
    """Why nobody could be verified by this file; empty: it holds certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        return f"holds no certificate that can be read{_reason(error)}"
    except OSError as error:
        return _unreadable(ca_file, error)
    return "" if context.cert_store_stats()["x509"] else "holds no certificate"


def why_not_served(certificate: Path, key: Path) -> str:
    """Why nobody could be served TLS with these; empty: the key belongs to the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_nobody_to_ask)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "is not the key of the certificate"
        return f"and the certificate cannot be used{_reason(error)}"
    except ValueError as error:
        return str(error)
    except OSError as error:
        return _unreadable(key, error)
    return ""


def why_no_webhook_key(text: str) -> str:
    """Why nothing can be verified with this public key (base64, SubjectPublicKeyInfo); empty: it is one on P-256."""
    from posthorse.providers.sendgrid_notices import read_public_key

    try:
        read_public_key(text)
    except ValueError as error:
        return str(error)
    return ""


def why_no_signing_certificate(file: Path) -> str:
    """Why no signature of SNS can be verified with this file; empty: it is a certificate with a key for it."""
    from posthorse.providers.sns_certificate import read_certificate

    try:
        read_certificate(file.read_bytes())
    except OSError as error:
        return _unreadable(file, error)
    except ValueError:
        return "holds no certificate with an RSA key of 2,048 bits or more"
    return ""


def why_unreadable(path: Path) -> str:
    """Why the file cannot be read; empty: it can."""
    try:
        with path.open("rb"):
            return ""
    except OSError as error:
        return _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror}"


def _reason(error: ssl.SSLError) -> str:
    return f": {error.reason.replace('_', ' ').lower()}" if error.reason else ""


def _nobody_to_ask() -> str:
    raise ValueError("has a passphrase, and nobody is there to give it")
