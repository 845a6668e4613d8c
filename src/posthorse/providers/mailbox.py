"""The provider `mailbox`: keeps mail on this machine in a Maildir, for trying things out and for archives.

Each recipient's copy is one file, named by message and recipient, so that a second attempt replaces the first and never
doubles it. Before the release the file is complete and durable in `tmp/`; the release moves it to `new/`, durably.

Promise: *wrapped* fidelity: `Return-Path` and `Delivered-To` are put on top, as RFC 5321 section 4.4 wants of final
delivery; the rest is the bytes as accepted, with CRLF. Folders are made 0700, files 0600.

Left out: serving the mail, quotas, removing what a stopped attempt left in `tmp/` (a retry replaces it).
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from posthorse.mail.ids import ProviderName
from posthorse.mail.outcome import Fault, Handover, Outcome, Rejection, Reply, Scope, Unclear
from posthorse.mail.ports import Offload
from posthorse.providers.port import AttemptReport, Capability, Fidelity, HandoverGroup, ReleaseGate
from posthorse.providers.smtp_core import is_safe_address


class MailboxProvider:
    """One Maildir. Implements `posthorse.providers.port.Provider`."""

    kind = "mailbox"
    capability = Capability(
        fidelity=Fidelity.WRAPPED,
        separate_envelope=True,
        max_recipients=1_000,
        max_size_bytes=1 << 40,
        smtputf8=True,
        rewrites=("Return-Path", "Delivered-To"),
    )

    def __init__(self, *, name: ProviderName, path: Path, offload: Offload) -> None:
        """`path`: the Maildir, made when the first mail comes."""
        self.name = name
        self._path = path
        self._offload = offload

    async def attempt(self, group: HandoverGroup, gate: ReleaseGate) -> AttemptReport:
        """Try once; see the port. A disk that is full or broken is a fault of this way."""
        outcomes, numbers = _refused(group)
        if not numbers:
            return AttemptReport(outcomes=outcomes)
        copies = [_Copy(group, n, address) for n, address in group.recipients if n in numbers]
        try:
            await self._offload.run(partial(_keep, self._path, copies))
        except OSError as error:
            fault = Fault(scope=Scope.CHANNEL, reply=Reply(text=f"cannot write: {error.strerror}"))
            return AttemptReport(outcomes={**outcomes, **dict.fromkeys(numbers, fault)})
        if not await gate(numbers):
            await self._offload.run(partial(_drop, self._path, copies))
            return AttemptReport(outcomes=outcomes)
        return AttemptReport(outcomes={**outcomes, **await self._offload.run(partial(_deliver, self._path, copies))})

    async def prepare(self, connections: int) -> None:
        """There are no connections."""

    async def close(self) -> None:
        """Nothing stays open."""


class _Copy:
    """One recipient's copy."""

    __slots__ = ("content", "file", "n")

    def __init__(self, group: HandoverGroup, n: int, address: str) -> None:
        message = group.message
        self.n = n
        self.file = f"{message.accepted_at // 1_000_000}.{message.id.hex()}_{n}.posthorse"
        head = f"Return-Path: <{message.sender}>\r\nDelivered-To: {address}\r\n"
        self.content = (head.encode(), group.body)


def _refused(group: HandoverGroup) -> tuple[dict[int, Outcome], list[int]]:
    """(outcomes of addresses that cannot stand in a header, the other numbers)."""
    if not is_safe_address(group.message.sender):
        sender: Outcome = Rejection(scope=Scope.MESSAGE, reply=Reply(text="the sender's address cannot be written"))
        return dict.fromkeys((n for n, _ in group.recipients), sender), []
    outcome: Outcome = Rejection(scope=Scope.RECIPIENT, reply=Reply(text="the address cannot be written"))
    refused = {n: outcome for n, address in group.recipients if not is_safe_address(address)}
    return refused, [n for n, _ in group.recipients if n not in refused]


# --- in a thread ------------------------------------------------------------------------------------------------------


def _keep(path: Path, copies: Sequence[_Copy]) -> None:
    """Write every copy to `tmp/`, durably."""
    for folder in ("tmp", "new", "cur"):
        (path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for copy in copies:
        descriptor = os.open(path / "tmp" / copy.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            for part in copy.content:
                _write_all(file.fileno(), part)
            os.fsync(file.fileno())


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _deliver(path: Path, copies: Sequence[_Copy]) -> dict[int, Outcome]:
    """Move every copy to `new/`. One that could not be moved is certainly not there; the others may not be durable."""
    outcomes: dict[int, Outcome] = {}
    for copy in copies:
        try:
            os.rename(path / "tmp" / copy.file, path / "new" / copy.file)
            outcomes[copy.n] = Handover(provider_message_id=copy.file)
        except OSError as error:
            outcomes[copy.n] = Fault(scope=Scope.CHANNEL, reply=Reply(text=f"cannot deliver: {error.strerror}"))
    try:
        _sync_folder(path / "new")
    except OSError as error:
        unclear = Unclear(scope=Scope.CHANNEL, reply=Reply(text=f"cannot make it durable: {error.strerror}"))
        return {n: unclear if isinstance(outcome, Handover) else outcome for n, outcome in outcomes.items()}
    return outcomes


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _drop(path: Path, copies: Sequence[_Copy]) -> None:
    for copy in copies:
        (path / "tmp" / copy.file).unlink(missing_ok=True)
