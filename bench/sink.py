"""The sink: Postfix's own smtp-sink, with its counter read and what it got checked for doubles."""

import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

COUNTERS = re.compile(rb"mesg=(\d+)")
MESSAGE_ID = re.compile(rb"^Message-Id: <([^>]+)>", re.IGNORECASE | re.MULTILINE)


class Sink:
    """smtp-sink on a port; remembers when each count was reached."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self.count = 0
        self.changed_s = 0.0

    def start(self) -> None:
        """Listen, dumping what arrives into a folder in memory."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._folder.chmod(0o777)
        template = str(self._folder / "%s.")
        command = ["smtp-sink", "-u", "nobody", "-c", "-d", template, f"127.0.0.1:{self.port}", "1024"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def wait(self, count: int, timeout_s: float) -> float:
        """Monotonic time when `count` messages had arrived; TimeoutError otherwise."""
        limit = time.monotonic() + timeout_s
        while self.count < count:
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.count} of {count} messages arrived in {timeout_s:.0f} s")
            time.sleep(0.005)
        return self.changed_s

    def doubles_and_missing(self, expected: int) -> tuple[int, int]:
        """(messages that came twice, messages that did not come) by Message-ID."""
        seen: dict[bytes, int] = {}
        for path in self._folder.iterdir():
            for match in MESSAGE_ID.finditer(path.read_bytes()):
                seen[match[1]] = seen.get(match[1], 0) + 1
        return sum(count - 1 for count in seen.values()), expected - len(seen)

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        stream = self._process.stdout
        while chunk := os.read(stream.fileno(), 65536):
            found = COUNTERS.findall(chunk)
            if found:
                self.changed_s = time.monotonic()
                self.count = int(found[-1])
