"""Accept, drain, CPU and p99 side by side: rounds of both peers in turn, every message checked to have come once."""

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.cpu import cpu_s, descendants
from bench.figures import Row, compared
from bench.latency import latencies, quantile
from bench.rounds import rounds as counted
from bench.sink import Sink

SIZE_BYTES = 10_240
CLIENTS = 20


class Peer(Protocol):
    """Something that takes mail at a port and relays it to the sink."""

    @property
    def port(self) -> int:
        """Where."""
        ...


class Holding(Peer, Protocol):
    """A peer that can be told to keep its mail."""

    def hold_back(self) -> None:
        """Accept, and send nothing."""
        ...

    def let_go(self) -> None:
        """Send what waits."""
        ...

    def settled(self, messages: int) -> None:
        """Return once so many messages wait in peace."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One peer in one round."""

    accept: float
    """Messages a second from the first connection to the last 250."""
    drain: float
    """Messages a second from the first connection to the last arrival at the sink."""
    cpu_us: float
    """CPU microseconds a message, everything included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How clients connect, and what is wanted of that."""

    name: str
    keep: bool
    """One connection for many messages."""
    drain_least: float = 2.0
    cpu_most: float = 0.35


PLAIN = (
    Way(name="connections kept", keep=True),
    Way(name="one connection per message", keep=False),
)
TLS = (Way(name="TLS per message", keep=False, drain_least=1.5, cpu_most=0.5),)


def offer(peer: Peer, pid: int, sink: Sink, messages: int, *, keep: bool) -> Round:
    """Send `messages` with smtp-source and wait until all have arrived."""
    expected, before_s = sink.count + messages, cpu_s(pid)
    began = time.monotonic()
    source(peer, messages, keep=keep)
    accepted = time.monotonic()
    drained = sink.wait(expected, 300)
    return Round(
        accept=messages / (accepted - began),
        drain=messages / (max(drained, accepted) - began),
        cpu_us=(cpu_s(pid) - before_s) / messages * 1e6,
    )


def source(peer: Peer, messages: int, *, keep: bool) -> None:
    """Offer messages with Postfix's smtp-source; returns when all are accepted."""
    command = ["smtp-source", "-s", str(CLIENTS), "-l", str(SIZE_BYTES), "-m", str(messages)]
    command += ["-d"] if keep else []
    command += ["-f", "a@bench.invalid", "-t", "b@sink.invalid", f"127.0.0.1:{peer.port}"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def rows(
    ours: tuple[Peer, int],
    theirs: tuple[Peer, int],
    sink: Sink,
    *,
    rounds: int,
    messages: int,
    ways: tuple[Way, ...] = PLAIN,
) -> list[Row]:
    """Interleaved rounds in each way of connecting."""
    found: list[Row] = []
    for way in ways:
        mine: list[Round] = []
        other: list[Round] = []
        for number in counted(way.name, rounds):
            pairs = [(theirs, other), (ours, mine)] if number % 2 else [(ours, mine), (theirs, other)]
            for (peer, pid), kept in pairs:
                measured = offer(peer, pid, sink, messages, keep=way.keep)
                if number:  # the first round warms up
                    kept.append(measured)
        found.append(_ratio(f"accept, {way.name}", mine, other, "accept", least=1.3))
        found.append(_ratio(f"drain, {way.name}", mine, other, "drain", least=way.drain_least))
        found.append(_ratio(f"CPU us per message, {way.name}", mine, other, "cpu_us", most=way.cpu_most))
    return found


def stored_row(
    ours: tuple[Holding, int], theirs: tuple[Holding, int], sink: Sink, *, rounds: int, messages: int
) -> Row:
    """A queue that was stored while sending was stopped, from the order to send it to the last arrival."""
    mine: list[float] = []
    other: list[float] = []
    for number in counted("drain of a stored queue", rounds, warms_up=False):
        pairs = [(theirs, other), (ours, mine)] if number % 2 else [(ours, mine), (theirs, other)]
        for (peer, _), kept in pairs:
            kept.append(_drained(peer, sink, messages))
    return compared("drain of a stored queue", mine, other, "1/s", ">= 2x", least=2.0)


def _drained(peer: Holding, sink: Sink, messages: int) -> float:
    peer.hold_back()
    before = sink.count
    source(peer, messages, keep=True)
    peer.settled(messages)
    if sink.count != before:
        raise RuntimeError("mail left although sending was stopped")
    began = time.monotonic()
    peer.let_go()
    return messages / (sink.wait(before + messages, 300) - began)


def _ratio(name: str, mine: list[Round], other: list[Round], field: str, *, least: float = 0, most: float = 0) -> Row:
    wanted = f">= {least:g}x" if least else f"<= {most:g}x"
    ours, peers = [getattr(one, field) for one in mine], [getattr(one, field) for one in other]
    return compared(name, ours, peers, "us" if field == "cpu_us" else "1/s", wanted, least=least, most=most)


def p99_row(ours: Peer, theirs: Peer, *, rounds: int, rate: float = 250.0, seconds: float = 8.0) -> Row:
    """Dot to 250 at a steady rate, in milliseconds."""
    mine: list[float] = []
    other: list[float] = []
    for number in counted("accept p99", rounds, warms_up=False):
        pairs = [(theirs, other), (ours, mine)] if number % 2 else [(ours, mine), (theirs, other)]
        for peer, kept in pairs:
            taken = asyncio.run(
                latencies(peer.port, rate=rate, seconds=seconds, clients=CLIENTS, size_bytes=SIZE_BYTES)
            )
            kept.append(quantile(taken, 0.99) * 1000)
    return compared(f"accept p99 at {rate:g}/s", mine, other, "ms", "<= 1x", most=1.0)


def fsyncs(pid: int, peer: Peer, folder: Path) -> int:
    """Count fsync and fdatasync calls of a peer while 200 messages come in, seen by strace on all its processes."""
    log = folder / "strace.log"
    command = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    for one in descendants(pid):
        command += ["-p", str(one)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1.0)
        source(peer, 200, keep=True)
        time.sleep(1.0)
    finally:
        tracer.terminate()
        tracer.wait(10)
    return sum(" fsync(" in line or " fdatasync(" in line for line in log.read_text().splitlines())
