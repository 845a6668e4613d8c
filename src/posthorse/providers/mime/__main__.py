"""The process in which messages are taken apart: `python -m posthorse.providers.mime`, one message after the other.

It speaks on its standard streams: first an empty answer, as a sign that it is ready; then, for each message, eight
bytes with the length, big-endian, and the message; the answer in the same form (`dissection.packed`). It ends when its
input ends.

Promise: for one message no more than `CPU_S` seconds of processor time (the kernel ends the process) and `MEMORY_BYTES`
beyond what the interpreter needs; no files are written. What a message breaks costs that message, or this process.
"""

import os
import resource
import sys
from typing import BinaryIO

from posthorse.providers.mime.dissect import dissect
from posthorse.providers.mime.dissection import Undissected, packed

CPU_S = 2
MEMORY_BYTES = 256 << 20


def main() -> None:
    """Answer until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    _confine()
    _write(sink, b"")
    while (content := _read(source)) is not None:
        _allow_cpu()
        answer = _answer(content)
        del content
        _write(sink, answer)


def _answer(content: bytes) -> bytes:
    try:
        return packed(dissect(content))
    except MemoryError:
        return packed(Undissected(why="a message that takes too much memory"))
    except Exception as error:
        return packed(Undissected(why=f"a message that cannot be read ({type(error).__name__})"))


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    content = source.read(size)
    return content if len(content) == size else None


def _write(sink: BinaryIO, answer: bytes) -> None:
    sink.write(len(answer).to_bytes(8, "big"))
    sink.write(answer)
    sink.flush()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    used = _address_space()
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))


def _address_space() -> int:
    """Bytes of address space in use; 0: this system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
