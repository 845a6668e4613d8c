"""Stored bodies that are not small: written and read slice by slice (SQLite's incremental BLOB I/O).

Promise: the interpreter lock is never held for longer than one slice takes. Binding a whole body to a statement, or
taking one from a row, copies all of it under that lock: 30 ms for 39 MB, in which the event loop stands still. Within
the transaction these are like any other statements, and cost no more than binding does.

Left out: which bodies (`book`, `desk`).
"""

from functools import partial

import apsw

from posthorse.mail.ids import MessageId
from posthorse.mail.large import SLICE_BYTES
from posthorse.spool.codec import decoded_slices, encoded_slices

APART_BYTES = 32 << 10
"""A body of which more than this is stored is written and read by itself; smaller ones go together in one statement."""


def write(connection: apsw.Connection, number: int, message_id: MessageId, body: bytes) -> None:
    """Store a body in row `number`. Raises `apsw.Error`."""
    size, pieces = encoded_slices(body)
    connection.execute("INSERT INTO body VALUES (?, ?, ?)", (number, message_id, apsw.zeroblob(size)))
    blob = connection.blob_open("main", "body", "bytes", number, True)
    try:
        for piece in pieces:
            blob.write(piece)
    finally:
        blob.close(True)


def read(connection: apsw.Connection, number: int, message_id: MessageId) -> bytes:
    """The body stored in row `number`. Raises `apsw.Error` and `Unreadable`."""
    blob = connection.blob_open("main", "body", "bytes", number, False)
    try:
        return decoded_slices(message_id, iter(partial(blob.read, SLICE_BYTES), b""))
    finally:
        blob.close(True)
