"""Opening the database: the library's version, the connection's settings, migrations.

Promise: a database that this version does not fully understand is refused with a clear line, never guessed at.
"""

import os
import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

import apsw

from posthorse.mail.address_key import address_key
from posthorse.mail.carriage import TRANSITIONS, Carriage, Cause, Fate

PAGE_SIZE_BYTES = 8192
CACHE_KIB = 65_536
BUSY_MS = 5_000
"""How long a lock of another process (a shell, a copying tool) is waited for."""
LOG_KEPT_BYTES = 256 << 20
"""A log that grew beyond this (somebody read for long) gives the rest of its room back when it begins anew."""

_MIGRATION = re.compile(r"^(\d{4})_\w+\.sql$")
_MARKED = re.compile(r"/\*(carriages|fates|moves)\*/.*?/\*end\*/", re.DOTALL)


class SpoolRefused(Exception):
    """This database cannot be opened by this process; the text says why and what to do."""


def is_safe(version: tuple[int, ...]) -> bool:
    """Whether this SQLite is free of the WAL-reset race, which can lose committed data under concurrent checkpoints.

    Mended in 3.44.6, 3.50.7 and 3.51.3 (sqlite.org/wal.html).
    """
    if version < (3, 45):
        return version >= (3, 44, 6)
    if version < (3, 51):
        return version >= (3, 50, 7)
    return version >= (3, 51, 3)


def check_library() -> None:
    """Raises `SpoolRefused` for a library that can lose data, or one built without what is used here."""
    text = apsw.sqlite_lib_version()
    if not is_safe(tuple(int(part) for part in text.split("."))):
        raise SpoolRefused(f"SQLite {text} can lose committed mail (WAL-reset race): install apsw 3.51.3 or later")


def create(path: str) -> None:
    """Make the file (0600) if it is missing. Raises OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def connect(path: str, *, vfs: str = "", cached_statements: int = 500) -> apsw.Connection:
    """A connection with the settings that durability rests on, to a file that is there."""
    connection = apsw.Connection(
        path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs or None, statementcachesize=cached_statements
    )
    try:
        _set_up(connection, path)
    except BaseException:
        let_go(connection)
        raise
    return connection


def _set_up(connection: apsw.Connection, path: str) -> None:
    connection.set_busy_timeout(BUSY_MS)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
    mode = connection.pragma("journal_mode", "wal")
    if mode != "wal":
        raise SpoolRefused(f"{path}: the file system does not allow write-ahead logging (journal mode {mode})")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("journal_size_limit", LOG_KEPT_BYTES)
    connection.pragma("cache_size", -CACHE_KIB)
    connection.pragma("temp_store", "memory")
    # Every question here has its index; for a large batch the planner would else scan all recipients beside a made one.
    connection.pragma("automatic_index", "off")


def let_go(connection: apsw.Connection | None) -> None:
    """Close a connection whatever state its storage is in; what is committed is in the log, for the next one."""
    if connection is not None:
        try:
            connection.close(True)
        except apsw.Error:
            return


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema up to this version's, each step in its own transaction.

    Raises `SpoolRefused` if the database was written by a newer version.
    """
    steps = migrations()
    have = int(connection.pragma("user_version"))
    if have > len(steps):
        raise SpoolRefused(
            f"the spool has schema {have}, this version knows {len(steps)}: a newer Posthorse used it; start that one"
        )
    connection.create_scalar_function("address_key", _key, 1, deterministic=True)
    for number, text in enumerate(steps[have:], have + 1):
        connection.execute(f"BEGIN IMMEDIATE; {text}; PRAGMA user_version = {number}; COMMIT")
    connection.create_scalar_function("address_key", None)
    if not have:
        connection.execute("INSERT INTO meta (key, value) VALUES ('moves', ?)", (moves_digest(),))
    _renew_checks(connection)


def _key(*address: Any) -> str:
    return address_key(str(address[0]))


def _renew_checks(connection: apsw.Connection) -> None:
    """Make the CHECKs of words and moves anew when this version's transition table is another one.

    Only the text of the schema changes, as SQLite allows for constraints (lang_altertable, section 7); rows written
    under the old table stay as they are.
    """
    stored = connection.execute("SELECT value FROM meta WHERE key = 'moves'").get
    digest = moves_digest()
    if stored == digest:
        return
    version = int(connection.pragma("schema_version"))
    connection.execute("BEGIN IMMEDIATE; PRAGMA writable_schema = ON")
    for table in ("recipient", "history"):
        text = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).get
        renewed = _MARKED.sub(lambda found: f"/*{found[1]}*/{checks()[found[1]]}/*end*/", text)
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (renewed, table))
    for stream in range(4):
        for carriage in Carriage:
            connection.execute("INSERT OR IGNORE INTO tally VALUES (?, ?, 0)", (stream, carriage.value))
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('moves', ?)", (digest,))
    connection.execute(f"PRAGMA schema_version = {version + 1}; PRAGMA writable_schema = OFF; COMMIT")


def migrations() -> list[str]:
    """The numbered migrations in order, with this version's words filled in. Raises ValueError on a gap."""
    found = {}
    for file in files("posthorse.spool.sql").joinpath("sqlite").iterdir():
        if match := _MIGRATION.match(file.name):
            found[int(match[1])] = file.read_text(encoding="utf-8")
    if sorted(found) != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations are not numbered 1 to {len(found)}: {sorted(found)}")
    words = {**checks(), "carriages_json": "[" + ", ".join(f'"{carriage.value}"' for carriage in Carriage) + "]"}
    return [_filled(found[number], words) for number in sorted(found)]


def checks() -> dict[str, str]:
    """The conditions of the CHECKs, by the name between their marks."""
    olds = {old: {new: causes for (o, new), causes in TRANSITIONS.items() if o is old} for old, _ in TRANSITIONS}
    return {
        "carriages": " OR ".join(f"carriage = '{carriage.value}'" for carriage in Carriage),
        "fates": " OR ".join(f"fate = '{fate.value}'" for fate in Fate),
        "moves": f"CASE old {' '.join(_from(old, news) for old, news in olds.items())} ELSE old IS NULL END",
    }


def _from(old: Carriage, news: Mapping[Carriage, frozenset[Cause]]) -> str:
    """The legal moves from one carriage; NULL as cause is no cause."""
    moves = (
        f"WHEN '{new.value}' THEN " + " OR ".join(f"cause IS '{name}'" for name in sorted(c.value for c in causes))
        for new, causes in news.items()
    )
    return f"WHEN '{old.value}' THEN CASE new {' '.join(moves)} ELSE 0 END"


def moves_digest() -> str:
    """Changes when the transition table or a word does: then the CHECKs must be made anew."""
    return sha256(repr(sorted(checks().items())).encode()).hexdigest()[:16]


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
