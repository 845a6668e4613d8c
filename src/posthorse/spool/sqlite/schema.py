"""Opening the database: the library's version, the connection's settings, migrations.

Promise: a database that this version does not fully understand is refused with a clear line, never guessed at.
"""

import os
import re
from hashlib import sha256
from importlib.resources import files

import apsw

from posthorse.mail.carriage import TRANSITIONS, Carriage, Fate

PAGE_SIZE_BYTES = 4096
CACHE_KIB = 65_536

_MIGRATION = re.compile(r"^(\d{4})_\w+\.sql$")


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


def connect(path: str, *, vfs: str = "", cached_statements: int = 500) -> apsw.Connection:
    """A connection with the settings that durability rests on; creates the file (0600) if it is missing."""
    if not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = apsw.Connection(path, vfs=vfs or None, statementcachesize=cached_statements)
    connection.set_busy_timeout(5_000)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
    mode = connection.pragma("journal_mode", "wal")
    if mode != "wal":
        connection.close()
        raise SpoolRefused(f"{path}: the file system does not allow write-ahead logging (journal mode {mode})")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("cache_size", -CACHE_KIB)
    connection.pragma("temp_store", "memory")
    return connection


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
    for number, text in enumerate(steps[have:], have + 1):
        connection.execute(f"BEGIN IMMEDIATE; {text}; PRAGMA user_version = {number}; COMMIT")
    _renew_checks(connection)


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
    for table, before, words in (
        ("recipient", "carriage IN (", _quoted(carriage.value for carriage in Carriage)),
        ("recipient", "fate IN (", _quoted(fate.value for fate in Fate)),
        ("history", "cause IN (", _quoted(moves())),
    ):
        text = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).get
        start = text.index(before) + len(before)
        renewed = text[:start] + words + text[text.index(")", start) :]
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
    words = {
        "carriages": _quoted(carriage.value for carriage in Carriage),
        "carriages_json": "[" + ", ".join(f'"{carriage.value}"' for carriage in Carriage) + "]",
        "fates": _quoted(fate.value for fate in Fate),
        "moves": _quoted(moves()),
    }
    return [_filled(found[number], words) for number in sorted(found)]


def moves() -> list[str]:
    """Every legal move as history's CHECK spells it: old, new and cause of the transition table."""
    return sorted(
        f"{old.value}>{new.value}:{cause.value}" for (old, new), causes in TRANSITIONS.items() for cause in causes
    )


def moves_digest() -> str:
    """Changes when the transition table or a word does: then the CHECKs must be made anew."""
    words = [*moves(), *(carriage.value for carriage in Carriage), *(fate.value for fate in Fate)]
    return sha256("\n".join(words).encode()).hexdigest()[:16]


def _quoted(words: object) -> str:
    return ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
