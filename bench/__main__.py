"""`make bench`: one interleaved run beside Postfix, a table, and JSON rows. It reports; it fails nobody."""

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import faults, features, throughput
from bench.figures import Row, table
from bench.gateway import Gateway
from bench.postfix import Postfix, wait_for_port
from bench.sink import Sink
from bench.tls import Certificate, Tunnels

SINK, OURS, THEIRS, FAULTS = 22025, 22026, 22036, 22046
TLS_SINK, OUR_TLS, THEIR_TLS = 22056, 22057, 22058


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds of each comparison")
    parser.add_argument("--messages", type=int, default=4_000, help="messages a round")
    parser.add_argument("--fault-rounds", type=int, default=1)
    parser.add_argument("--only", choices=("throughput", "tls", "features", "faults"), help="this part alone")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="on the disk to be measured")
    parser.add_argument("--out", type=Path, default=Path("bench/out/rows.json"))
    wanted = parser.parse_args()
    folder = wanted.folder.absolute()
    rows: list[Row] = []
    if wanted.only in (None, "throughput"):
        rows += _side_by_side(folder, wanted.rounds, wanted.messages)
    if wanted.only in (None, "tls"):
        rows += _with_tls(folder / "tls", wanted.rounds, wanted.messages // 2)
    if wanted.only in (None, "features"):
        rows += _features(folder / "features", wanted.rounds, wanted.messages // 2)
    if wanted.only in (None, "faults"):
        rows += faults.rows(folder / "faults", FAULTS, rounds=wanted.fault_rounds)
        rows.append(faults.latency_row(folder / "faults", FAULTS, rounds=wanted.fault_rounds))
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text("".join(json.dumps(row.as_json()) + "\n" for row in rows))
    print(table(rows))
    print(f"\nrows: {wanted.out}")


def _side_by_side(folder: Path, rounds: int, messages: int) -> list[Row]:
    memory = Path("/dev/shm") / f"posthorse-bench-{os.getpid()}"  # noqa: S108 (dumps belong in memory)
    sink = Sink(SINK, memory)
    ours, theirs = Gateway(folder / "gateway", OURS, {"sink": SINK}), Postfix(folder / "postfix", THEIRS, SINK)
    print(f"--- gateway ---\n{ours.settings}\n--- postfix main.cf ---\n{theirs.settings}", file=sys.stderr)
    sink.start()
    try:
        our_pid, their_pid = ours.start(), theirs.start()
        wait_for_port(OURS)
        wait_for_port(THEIRS)
        rows = throughput.rows((ours, our_pid), (theirs, their_pid), sink, rounds=rounds, messages=messages)
        rows.append(throughput.stored_row((ours, our_pid), (theirs, their_pid), sink, rounds=rounds, messages=messages))
        rows.append(throughput.p99_row(ours, theirs, rounds=rounds))
        print(_fsyncs(ours, our_pid, theirs, their_pid, folder), file=sys.stderr)
        print(_checked(sink), file=sys.stderr)
        return rows
    finally:
        theirs.stop()
        ours.stop()
        sink.stop()
        shutil.rmtree(memory, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Port:
    """A way into a peer."""

    port: int


def _with_tls(folder: Path, rounds: int, messages: int) -> list[Row]:
    """A TLS connection for every message that comes in, TLS on the way out; both peers keep those connections."""
    memory = Path("/dev/shm") / f"posthorse-bench-{os.getpid()}"  # noqa: S108 (dumps belong in memory)
    sink, certificate = Sink(SINK, memory), Certificate(folder / "certificate")
    ours = Gateway(folder / "gateway", OURS, {"sink": TLS_SINK}, certificate=certificate)
    theirs = Postfix(folder / "postfix", THEIRS, TLS_SINK, certificate=certificate)
    tunnels = Tunnels(certificate)
    print(f"--- gateway, TLS ---\n{ours.settings}\n--- postfix main.cf, TLS ---\n{theirs.settings}", file=sys.stderr)
    sink.start()
    try:
        our_pid, their_pid = ours.start(), theirs.start()
        tunnels.start(clients={OUR_TLS: ours.tls_port, THEIR_TLS: theirs.tls_port}, servers={TLS_SINK: SINK})
        for port in (OUR_TLS, THEIR_TLS):
            wait_for_port(port)
        mine, other = (_Port(OUR_TLS), our_pid), (_Port(THEIR_TLS), their_pid)
        rows = throughput.rows(mine, other, sink, rounds=rounds, messages=messages, ways=throughput.TLS)
        print(_checked(sink), file=sys.stderr)
        return rows
    finally:
        tunnels.stop()
        theirs.stop()
        ours.stop()
        sink.stop()
        shutil.rmtree(memory, ignore_errors=True)


def _features(folder: Path, rounds: int, messages: int) -> list[Row]:
    memory = Path("/dev/shm") / f"posthorse-bench-{os.getpid()}"  # noqa: S108 (dumps belong in memory)
    sink = Sink(SINK, memory)
    sink.start()
    try:
        return features.rows(folder, OURS, sink, rounds=rounds, messages=messages)
    finally:
        sink.stop()
        shutil.rmtree(memory, ignore_errors=True)


def _fsyncs(ours: Gateway, our_pid: int, theirs: Postfix, their_pid: int, folder: Path) -> str:
    mine, other = throughput.fsyncs(our_pid, ours, folder), throughput.fsyncs(their_pid, theirs, folder)
    return f"fsync calls for 200 messages: gateway {mine}, Postfix {other}"


def _checked(sink: Sink) -> str:
    doubles, missing = sink.doubles_and_missing(sink.count)
    verdict = "every message came once" if not doubles and not missing else "NOT every message came once"
    return f"{sink.count} messages at the sink, {doubles} doubled, {missing} missing: {verdict}"


if __name__ == "__main__":
    main()
