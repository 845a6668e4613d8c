"""Credentials: SES's derivation, chosen passwords, and nothing learnt from a wrong login."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from posthorse.accept.credentials import (
    Credential,
    CredentialStore,
    PasswordHash,
    retired_smtp_password,
    smtp_password,
)
from posthorse.mail.ids import MAIN_TENANT, Tenant

T = TypeVar("T")

VECTORS = json.loads((Path(__file__).parent / "ses_smtp_passwords.json").read_text())
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PEER = "192.0.2.1"


class CountingOffload:
    """Runs work at once and counts it."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`."""
        self.runs += 1
        return work()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['region']}-{vector['secret'][:7]}")
def test_passwords_derive_as_ses_derives_them(vector: dict[str, str]) -> None:
    """An application keeps the SMTP password that SES gave it."""
    assert smtp_password(vector["secret"], vector["region"]) == vector["password"]


def store(**options: Any) -> CredentialStore:
    """A derived and a chosen password."""
    return CredentialStore(
        [
            Credential(id="AKIA1", tenant=MAIN_TENANT, secret=SECRET),
            Credential(id="AKIA2", tenant=Tenant("shop"), password=PasswordHash.of("chosen", b"s" * 16)),
        ],
        **options,
    )


def test_the_password_of_each_configured_region_is_taken() -> None:
    """Region by region, and no other region."""
    both = store(regions=("us-east-1", "eu-west-1"))
    for region, taken in (("us-east-1", True), ("eu-west-1", True), ("us-west-2", False)):
        caller = both.recognise("AKIA1", smtp_password(SECRET, region), PEER)
        assert (caller is not None) == taken
        assert caller is None or (caller.tenant, caller.credential, caller.peer) == (MAIN_TENANT, "AKIA1", PEER)


RETIRED = {
    "some+secret+key": "AnkqhOiWEcszZZzTMCQbOY1sPGoLFgMH9zhp4eNgSjo4",
    "another+secret+key": "Akwqr0Giwi8FsQFgW3DXWCC2DiiQ/jZjqLDWK8TeTBgL",
}
"""Of version 2, as infrastructure tools compute them too."""


@pytest.mark.parametrize("secret", RETIRED, ids=lambda secret: secret[:7])
def test_a_retired_password_of_ses_is_taken_too(secret: str) -> None:
    """An application that got its password years ago keeps it, whatever the region; another key's is refused."""
    assert retired_smtp_password(secret) == RETIRED[secret]
    credentials = CredentialStore([Credential(id="AKIA1", tenant=MAIN_TENANT, secret=secret)], regions=("eu-west-1",))
    taken = {key: credentials.recognise("AKIA1", password, PEER) is not None for key, password in RETIRED.items()}
    assert taken == {key: key == secret for key in RETIRED}


@pytest.mark.parametrize("password", ["", "chosen", SECRET, "\0" * 32, "é", "\ud800"])
def test_wrong_passwords_and_unknown_users_are_refused(password: str) -> None:
    """Neither the raw secret nor another's password is taken, nor anything for a user that does not exist."""
    both = store()
    assert both.recognise("AKIA1", password, PEER) is None
    assert both.recognise("nobody", password, PEER) is None
    assert both.recognise("", password, PEER) is None


def test_a_chosen_password_is_proved_off_the_loop_and_then_recognised() -> None:
    """The first login costs a slow hash, the next ones microseconds."""
    offload = CountingOffload()
    both = store(offload=offload)

    async def log_in() -> None:
        assert both.has_chosen_passwords
        assert both.recognise("AKIA2", "chosen", PEER) is None
        caller = await both.prove("AKIA2", "chosen", PEER)
        assert caller is not None
        assert caller.tenant == "shop"
        again = both.recognise("AKIA2", "chosen", PEER)
        assert again == caller
        assert both.recognise("AKIA2", "other", PEER) is None
        assert await both.prove("AKIA2", "other", PEER) is None

    asyncio.run(log_in())
    assert offload.runs == 2


def test_every_wrong_login_costs_one_slow_hash_if_any_user_has_one() -> None:
    """Time does not tell unknown users from known ones, nor derived passwords from chosen ones."""
    offload = CountingOffload()
    both = store(offload=offload)

    async def guess() -> list[int]:
        counts = []
        for user in ("AKIA1", "AKIA2", "nobody"):
            before = offload.runs
            assert await both.prove(user, "wrong", PEER) is None
            counts.append(offload.runs - before)
        return counts

    assert asyncio.run(guess()) == [1, 1, 1]


def test_without_chosen_passwords_nothing_is_slow() -> None:
    """A store of derived passwords never asks for the slow way."""
    derived = CredentialStore([Credential(id="AKIA1", tenant=MAIN_TENANT, secret=SECRET)])
    assert not derived.has_chosen_passwords
    assert asyncio.run(derived.prove("nobody", "x", PEER)) is None


def test_nothing_secret_is_shown() -> None:
    """A traceback or log of these values gives nothing away."""
    hashed = PasswordHash.of("chosen", b"saltsaltsaltsalt")
    shown = repr(Credential(id="AKIA1", tenant=MAIN_TENANT, secret=SECRET, password=hashed)) + repr(store())
    assert SECRET not in shown
    assert "salt" not in shown.replace("salt=", "")
    assert hashed.digest.hex()[:8] not in shown
