"""Keys that sign mail: what is mentioned of them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from posthorse.config import warnings_of
from posthorse.config.load import read_config

CONFIG = """
[[providers]]
name = "a"
kind = "mailbox"
folder = "a"
[[providers]]
name = "b"
kind = "mailbox"
folder = "b"
[[domains]]
name = "example.com"
dkim = [{ selector = "s1", key = "env:KEY" }]
"""


@pytest.mark.parametrize(("bits", "warned"), [(1024, ["domains[0].dkim[0].key"]), (2048, [])])
def test_a_short_key_is_mentioned(bits: int, warned: list[str], tmp_path: Path) -> None:
    """It signs, as receivers still take it; 2048 bits are what it should have."""
    key = generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    config = read_config(CONFIG, folder=tmp_path, environ={"KEY": pem})
    assert [warning.path for warning in warnings_of(config) if "dkim" in warning.path] == warned
