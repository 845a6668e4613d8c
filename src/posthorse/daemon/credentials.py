"""The daemon's credentials: access keys of the configuration and of the spool, and what makes new ones."""

import secrets
from collections.abc import Sequence

from posthorse.accept.credentials import SALT_BYTES, Credential, PasswordHash, smtp_password
from posthorse.adapters.sealing import Sealer, Unsealable
from posthorse.config.entrance import AccessKeySettings
from posthorse.config.tree import Config
from posthorse.control.keys import Locksmith
from posthorse.mail.ports import Offload
from posthorse.spool.desk_port import SpoolDesk, StoredKey


def locksmith(sealer: Sealer) -> Locksmith:
    """Makes access keys whose secrets the key file seals."""
    return Locksmith(random_bytes=secrets.token_bytes, seal=sealer.seal, smtp_password=smtp_password)


async def credentials_of(config: Config, spool: SpoolDesk, sealer: Sealer, offload: Offload) -> Sequence[Credential]:
    """Every credential in force. One in the configuration comes before one in the spool with the same id."""
    stored = [_stored(key, sealer) for key in await spool.keys() if key.revoked_at is None]
    written = [await _written(key, offload) for key in config.access_keys]
    return [*stored, *written]


def _stored(key: StoredKey, sealer: Sealer) -> Credential:
    try:
        secret = sealer.open(key.sealed_secret, key.id.encode("ascii")).decode("ascii")
    except Unsealable as error:
        raise Unsealable(
            f"access key {key.id} in the spool is {error}: run `posthorse keys revoke {key.id}` and make a new key"
        ) from error
    return Credential(id=key.id, tenant=key.tenant, secret=secret)


async def _written(key: AccessKeySettings, offload: Offload) -> Credential:
    chosen: PasswordHash | None = None
    if key.smtp_password is not None:
        password = key.smtp_password.reveal()
        chosen = await offload.run(lambda: PasswordHash.of(password, secrets.token_bytes(SALT_BYTES)))
    secret = key.secret.reveal() if key.secret is not None else ""
    return Credential(id=key.id, tenant=key.tenant, secret=secret, password=chosen)
