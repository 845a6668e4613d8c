"""Finding recipients for the desk: SQL narrows a selector by the indexes there are, the selector has the last word.

Promise: newest message first, exactly what `posthorse.spool.entry.matches` says. A question about live mail reads the
small indexes of live mail, never the finished.
"""

from collections.abc import Callable

import apsw

from posthorse.mail.carriage import Carriage
from posthorse.spool.desk_port import Selector
from posthorse.spool.entry import Entry, EntryKey, matches
from posthorse.spool.sqlite.queries import ENTRY, Value
from posthorse.spool.sqlite.rows import STREAM_NUMBER, entries_of

_LIVE = (
    # (index, its condition, the carriages it covers, whether it is ordered by message within a stream)
    ("waiting", "carriage = 'queued'", (Carriage.QUEUED,), True),
    ("doubt", "carriage = 'in_doubt'", (Carriage.IN_DOUBT,), True),
    ("lapse", "lease_until IS NOT NULL", (Carriage.LEASED, Carriage.RELEASED), False),
)

Bindings = dict[str, Value]
Query = Callable[[Selector, int, EntryKey | None], tuple[str, Bindings]]


def find_live(connection: apsw.Connection, selector: Selector, limit: int, after: EntryKey | None) -> list[Entry]:
    """At most `limit` matching recipients whose duty has not ended; `after`: continue behind this one."""
    return _found(connection, live_query, selector, limit, after)


def find_any(connection: apsw.Connection, selector: Selector, limit: int) -> list[Entry]:
    """At most `limit` matching recipients in any state."""
    return _found(connection, any_query, selector, limit, None)


def _found(
    connection: apsw.Connection, query: Query, selector: Selector, limit: int, after: EntryKey | None
) -> list[Entry]:
    found: list[Entry] = []
    while True:
        text, bindings = query(selector, limit, after)
        part = entries_of(connection.execute(text, bindings).get)
        part.sort(key=lambda entry: entry.n)
        part.sort(key=lambda entry: entry.message.id, reverse=True)
        found += [entry for entry in part if matches(selector, entry)]
        if len(part) < limit or len(found) >= limit:
            return found[:limit]
        after = part[-1].key


def live_query(selector: Selector, limit: int, after: EntryKey | None) -> tuple[str, Bindings]:
    """A query for live recipients, as one JSON answer, with its bindings."""
    where, bindings = _conditions(selector, after)
    bindings["limit"] = limit
    if selector.message_id is not None:
        live = "carriage IN ('queued', 'leased', 'released', 'in_doubt')"
        keys = f"SELECT id, n FROM recipient WHERE {' AND '.join([live, *where])} ORDER BY n LIMIT :limit"  # noqa: S608
        return _answer(keys), bindings
    parts = []
    streams = [selector.stream] if selector.stream else list(STREAM_NUMBER)
    for index, condition, carriages, by_stream in _LIVE:
        if selector.carriage is not None and selector.carriage not in carriages:
            continue
        narrowed = [f"stream = {STREAM_NUMBER[stream]}" for stream in streams] if by_stream else ["1"]
        parts += [
            f"SELECT id, n FROM (SELECT id, n FROM recipient INDEXED BY {index}"  # noqa: S608
            f" WHERE {' AND '.join([condition, part, *where])} ORDER BY id DESC, n LIMIT :limit)"
            for part in narrowed
        ]
    if not parts:
        return "SELECT '[]' WHERE :limit >= 0", {"limit": limit}
    return _answer(" UNION ALL ".join(parts) + " ORDER BY id DESC, n LIMIT :limit"), bindings


def any_query(selector: Selector, limit: int, after: EntryKey | None) -> tuple[str, Bindings]:
    """A query for recipients in any state."""
    if selector.carriage in (Carriage.QUEUED, Carriage.IN_DOUBT, Carriage.LEASED, Carriage.RELEASED):
        return live_query(selector, limit, after)
    where, bindings = _conditions(selector, after)
    bindings["limit"] = limit
    narrowed = " AND ".join(where) or "1"
    source = "recipient"
    if selector.unconfirmed is not None and selector.unconfirmed.providers and selector.message_id is None:
        source = "recipient INDEXED BY unconfirmed"
    keys = f"SELECT id, n FROM {source} WHERE {narrowed} ORDER BY id DESC, n LIMIT :limit"  # noqa: S608
    return _answer(keys), bindings


def _answer(keys: str) -> str:
    return (
        f"SELECT json_group_array({ENTRY}) FROM ({keys}) AS k"  # noqa: S608
        " CROSS JOIN recipient AS r ON r.id = k.id AND r.n = k.n CROSS JOIN message AS m ON m.id = k.id"
    )


def _conditions(selector: Selector, after: EntryKey | None) -> tuple[list[str], Bindings]:
    where: list[str] = []
    bindings: Bindings = {}
    for name, column, value in (
        ("message_id", "id =", selector.message_id),
        ("n", "n =", selector.n),
        ("tenant", "tenant =", selector.tenant),
        ("carriage", "carriage =", selector.carriage.value if selector.carriage else None),
        ("fate", "fate =", selector.fate.value if selector.fate else None),
        ("stream", "stream =", STREAM_NUMBER[selector.stream] if selector.stream else None),
        ("before_id", "id <", selector.before_id),
    ):
        if value is not None:
            where.append(f"{column} :{name}")
            bindings[name] = value
    if selector.recipient_domain.isascii() and selector.recipient_domain:
        where.append("substr(lower(address), -length(:domain)) = :domain")
        bindings["domain"] = "@" + selector.recipient_domain.lower()
    if selector.unconfirmed is not None:
        names = {f"provider_{place}": name for place, name in enumerate(sorted(selector.unconfirmed.providers))}
        where += [
            "carriage = 'handed_over'",
            "fate = 'unknown'",
            f"provider IN ({', '.join(f':{name}' for name in names)})",
            "rested_at < :unconfirmed_before",
        ]
        bindings.update(names)
        bindings["unconfirmed_before"] = selector.unconfirmed.before
    if after is not None:
        where.append("(id < :after_id OR (id = :after_id AND n > :after_n))")
        bindings["after_id"], bindings["after_n"] = after
    return where, bindings
