"""An HTTP client that costs next to nothing: requests made before the clock starts, kept connections, one epoll loop.

It runs in the bench's process, so its CPU is not counted to anybody.
"""

import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MOST_BYTES = 65_536


@dataclass(slots=True)
class _Connection:
    peer: socket.socket
    answer: bytes = b""


def post(port: int, requests: Sequence[bytes], *, clients: int = 20) -> float:
    """Send every request and read its answer; seconds from the first byte to the last answer.

    RuntimeError at the first answer that is not a 200.
    """
    connections = {}
    poll = select.epoll()
    for _ in range(min(clients, len(requests))):
        peer = socket.create_connection(("127.0.0.1", port), timeout=30)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections[peer.fileno()] = _Connection(peer)
        poll.register(peer.fileno(), select.EPOLLIN)
    waiting = iter(requests)
    began = time.monotonic()
    try:
        for one in connections.values():
            one.peer.sendall(next(waiting))
        _answered(poll, connections, waiting, len(requests))
        return time.monotonic() - began
    finally:
        poll.close()
        for one in connections.values():
            one.peer.close()


def _answered(
    poll: select.epoll, connections: dict[int, _Connection], waiting: Iterator[bytes], outstanding: int
) -> None:
    while outstanding:
        ready = poll.poll(30)
        if not ready:
            raise TimeoutError(f"{outstanding} answers are missing after 30 s of silence")
        for number, _ in ready:
            one = connections[number]
            one.answer += one.peer.recv(_MOST_BYTES)
            if not _is_whole(one.answer):
                continue
            one.answer = b""
            outstanding -= 1
            request = next(waiting, None)
            if request is not None:
                one.peer.sendall(request)


def _is_whole(answer: bytes) -> bool:
    """Whether the answer has come to its end. RuntimeError if it is not a 200."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not answer or (end and not head.startswith(b"HTTP/1.1 200")):
        raise RuntimeError(f"expected 200, got {answer[:600].decode(errors='replace') or 'the end of the connection'}")
    if not end:
        return False
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0].partition(b":")[2])
