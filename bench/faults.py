"""What a dying provider costs: time to the first message by the next one, and throughput against just before."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Row, alone
from bench.gateway import Gateway
from bench.rounds import rounds as counted
from bench.throughput import CLIENTS, SIZE_BYTES
from posthorse.lab.faults import Fault
from posthorse.lab.mailbox import Arrival
from posthorse.lab.remote import LabRemote

HEALTHY_S = 4.0
AFTER_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A fault, and by when what must be so."""

    name: str
    fault: Fault
    first_within_s: float
    full_within_s: float
    """From here on throughput counts."""


STORIES = (
    Story(name="primary refuses", fault=Fault.REFUSE, first_within_s=1.0, full_within_s=1.0),
    Story(name="primary: no SYN-ACK", fault=Fault.NO_SYN_ACK, first_within_s=4.0, full_within_s=4.0),
    Story(name="primary accepts, never reads", fault=Fault.NEVER_READ, first_within_s=11.0, full_within_s=11.0),
    Story(name="primary hangs after the dot", fault=Fault.HANG_AFTER_DOT, first_within_s=10.0, full_within_s=10.0),
)


class Lab:
    """Two simulated SMTP providers as a process."""

    def __init__(self, *, latency: str = "0ms", folder: Path) -> None:
        roster = folder / "lab.toml"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f'[[providers]]\nname = "{name}"\nkind = "smtp"\nlatency = "{latency}"\nkeep = 1\n' for name in "ab"]
        roster.write_text('control = "127.0.0.1:0"\n' + "\n".join(lines))
        command = [sys.executable, "-m", "posthorse", "lab", "serve", "--json", "--config", str(roster)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.ports = {name: int(where["port"]) for name, where in ready["providers"].items()}
        self.remote = LabRemote(url=ready["control"])

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(15)


def _offering(port: int) -> subprocess.Popen[bytes]:
    command = ["smtp-source", "-d", "-s", str(CLIENTS), "-l", str(SIZE_BYTES), "-m", "10000000"]
    command += ["-f", "a@bench.invalid", "-t", "b@sink.invalid", f"127.0.0.1:{port}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _rate(arrivals: list[Arrival], begin_us: int, seconds: float) -> float:
    end_us = begin_us + int(seconds * 1e6)
    return sum(begin_us <= one.at < end_us for one in arrivals) / seconds


def tell(story: Story, folder: Path, port: int) -> tuple[float, float]:
    """(seconds from the fault to the next provider's first message, throughput after / before)."""
    lab = Lab(folder=folder)
    gateway = Gateway(folder / "gateway", port, lab.ports)
    source = None
    try:
        gateway.start()
        source = _offering(port)
        time.sleep(HEALTHY_S + 2.0)
        lab.remote.set_fault("a", story.fault)
        fault_us = time.time_ns() // 1_000
        time.sleep(story.full_within_s + AFTER_S + 0.5)
        arrivals = lab.remote.arrivals()
    finally:
        if source is not None:
            source.kill()
            source.wait()
        gateway.stop()
        lab.stop()
    healthy = _rate(arrivals, fault_us - int(HEALTHY_S * 1e6), HEALTHY_S)
    after = _rate(arrivals, fault_us + int(story.full_within_s * 1e6), AFTER_S)
    first_us = min((one.at for one in arrivals if one.provider == "b" and one.at > fault_us), default=fault_us * 2)
    return (first_us - fault_us) / 1e6, after / healthy


def rows(folder: Path, port: int, *, rounds: int) -> list[Row]:
    """Every story, several times."""
    found: list[Row] = []
    for story in STORIES:
        told = [tell(story, folder, port) for _ in counted(story.name, rounds, warms_up=False)]
        first, share = [one[0] for one in told], [one[1] for one in told]
        wanted = f"<= {story.first_within_s:g} s"
        found.append(alone(f"{story.name}: first elsewhere", first, "s", wanted, most=story.first_within_s))
        name = f"{story.name}: share after {story.full_within_s:g} s"
        found.append(alone(name, share, "of healthy", ">= 0.9", least=0.9))
    return found


def latency_row(folder: Path, port: int, *, rounds: int, slots: int = 100) -> Row:
    """An upstream that takes 100 ms for each of its two answers (envelope, dot), against slots / latency."""
    shares: list[float] = []
    for _ in counted("upstream of 100 ms", rounds, warms_up=False):
        lab = Lab(latency="100ms", folder=folder)
        gateway = Gateway(folder / "gateway", port, {"a": lab.ports["a"]}, slots=slots)
        source = None
        try:
            gateway.start()
            source = _offering(port)
            time.sleep(8.0)
            now_us = time.time_ns() // 1_000
            arrivals = lab.remote.arrivals()
        finally:
            if source is not None:
                source.kill()
                source.wait()
            gateway.stop()
            lab.stop()
        shares.append(_rate(arrivals, now_us - 5_000_000, 5.0) / (slots / 0.2))
    return alone("upstream of 100 ms: share of slots/latency", shares, "share", ">= 0.8", least=0.8)
