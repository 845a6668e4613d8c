"""Dot to 250, as a client sees it: a steady rate over kept connections, the same client for every peer."""

import asyncio
import time

BODY_LINE = b"x" * 78 + b"\r\n"


def message(size_bytes: int, number: int) -> bytes:
    """A plain message of about this size with a unique Message-ID."""
    head = (
        b"From: <a@bench.invalid>\r\nTo: <b@sink.invalid>\r\nSubject: bench\r\n"
        b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-Id: <%d.%d@latency.invalid>\r\n\r\n"
    ) % (time.monotonic_ns(), number)
    return head + BODY_LINE * max(1, (size_bytes - len(head)) // len(BODY_LINE))


async def expect(reader: asyncio.StreamReader, code: bytes) -> None:
    """Read one whole reply. Raises RuntimeError when it has another code."""
    line = await reader.readline()
    while line[3:4] == b"-":
        line = await reader.readline()
    if not line.startswith(code):
        raise RuntimeError(f"expected {code.decode()}, got {line.decode(errors='replace').strip()}")


async def _client(port: int, times: "asyncio.Queue[float]", taken: list[float], size_bytes: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await expect(reader, b"220")
    writer.write(b"EHLO bench.invalid\r\n")
    await expect(reader, b"250")
    while True:
        due = await times.get()
        if due < 0:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.write(b"MAIL FROM:<a@bench.invalid>\r\n")
        await expect(reader, b"250")
        writer.write(b"RCPT TO:<b@sink.invalid>\r\n")
        await expect(reader, b"250")
        writer.write(b"DATA\r\n")
        await expect(reader, b"354")
        began = time.monotonic()
        writer.write(message(size_bytes, len(taken)) + b".\r\n")
        await expect(reader, b"250")
        taken.append(time.monotonic() - began)
    writer.write(b"QUIT\r\n")
    await reader.read()
    writer.close()


async def latencies(port: int, *, rate: float, seconds: float, clients: int, size_bytes: int) -> list[float]:
    """Seconds from the dot to the 250 of each message offered at `rate` per second."""
    times: asyncio.Queue[float] = asyncio.Queue()
    start = time.monotonic() + 0.3
    for number in range(int(rate * seconds)):
        times.put_nowait(start + number / rate)
    for _ in range(clients):
        times.put_nowait(-1.0)
    taken: list[float] = []
    await asyncio.gather(*(_client(port, times, taken, size_bytes) for _ in range(clients)))
    return taken


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
