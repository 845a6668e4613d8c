"""The gateway under measurement: `posthorse serve` as a user starts it, relaying to the sink."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bench.tls import Certificate

CONFIG = """\
[node]
name = "bench.invalid"
[spool]
url = "sqlite:posthorse.db"
[[listen]]
smtp = "127.0.0.1:{port}"
[[listen]]
http = "127.0.0.1:{http}"
[[trusted_sources]]
cidr = "127.0.0.1/32"
[dispatch]
slots = {slots}
[log]
file = "posthorse.log"
mail = {log_mail}
"""

TLS_LISTENER = """\
[[listen]]
smtps = "127.0.0.1:{port}"
tls_certificate = "{certificate}"
tls_key = "{key}"
"""

SMTP_PROVIDER = """\
[[providers]]
name = "{name}"
kind = "smtp"
host = "127.0.0.1"
port = {port}
"""


class Gateway:
    """One gateway in a folder of its own. `providers`: name and SMTP port of each, in order.

    With a `certificate` it also listens with TLS at `tls_port`, and speaks TLS to its providers unless told not to.
    `more` is added to its configuration, `files` stand beside it.
    """

    def __init__(
        self,
        root: Path,
        port: int,
        providers: dict[str, int],
        *,
        slots: int = 100,
        log_mail: bool = True,
        certificate: Certificate | None = None,
        secures_ways_out: bool = True,
        more: str = "",
        files: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.root = root
        self.port = port
        self.tls_port = port + 2
        self._certificate = certificate
        self._secures_ways_out = secures_ways_out
        self._more = more
        self._files = files
        self._providers = providers
        self._slots = slots
        self._log_mail = log_mail
        self._process: subprocess.Popen[str] | None = None

    @property
    def http_port(self) -> int:
        """Where its HTTP fronts are."""
        return self.port + 1

    @property
    def settings(self) -> str:
        """Its whole configuration, to be printed beside the figures."""
        text = CONFIG.format(
            port=self.port, http=self.http_port, slots=self._slots, log_mail=str(self._log_mail).lower()
        )
        way_out = 'tls = "none"\n'
        if self._certificate is not None:
            certificate, key = self._certificate.certificate, self._certificate.key
            text += TLS_LISTENER.format(port=self.tls_port, certificate=certificate, key=key)
        if self._certificate is not None and self._secures_ways_out:
            way_out = f'tls = "implicit"\nca_file = "{self._certificate.certificate}"\n'
        for name, port in self._providers.items():
            text += SMTP_PROVIDER.format(name=name, port=port) + way_out
        return text + self._more

    def start(self) -> int:
        """Start on an empty spool; answers the process id."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        config = self.root / "posthorse.toml"
        config.write_text(self.settings)
        for name, content in self._files.items():
            (self.root / name).write_text(content)
            (self.root / name).chmod(0o600)
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        log = (self.root / "stderr.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "posthorse", "serve", "--config", str(config), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environ,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the gateway did not start: {(self.root / 'stderr.log').read_text()}")
        return int(json.loads(line)["pid"])

    def command(self, *words: str) -> str:
        """Run an operator's command against it; answers what it printed."""
        config = str(self.root / "posthorse.toml")
        done = subprocess.run(
            [sys.executable, "-m", "posthorse", *words, "--config", config], capture_output=True, text=True, check=True
        )
        return done.stdout

    def hold_back(self) -> None:
        """Accept, and send nothing."""
        self.command("stop-sending")

    def let_go(self) -> None:
        """Send what waits."""
        self.command("start-sending")

    def settled(self, messages: int) -> None:
        """Nothing to wait for: what is accepted is queued."""

    def stop(self) -> None:
        """Stop it cleanly."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None
