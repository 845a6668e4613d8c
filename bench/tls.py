"""TLS around the tools of Postfix, which speak none: stunnel in front of the sink, and behind smtp-source.

The same stunnel serves both peers, so what it costs falls on both alike. Sessions are never resumed: every connection
of a client pays a whole handshake.
"""

import shutil
import subprocess
from pathlib import Path

CLIENT = """\
[{name}]
client = yes
accept = 127.0.0.1:{accept}
connect = 127.0.0.1:{connect}
"""

SERVER = """\
[{name}]
accept = 127.0.0.1:{accept}
connect = 127.0.0.1:{connect}
cert = {root}/cert.pem
key = {root}/key.pem
"""

GLOBAL = """\
foreground = yes
debug = err
pid =
sessionResume = no
options = NO_TICKET
"""


class Certificate:
    """A certificate for 127.0.0.1 that signs itself (ECDSA P-256), made anew in a folder."""

    def __init__(self, root: Path) -> None:
        self.certificate, self.key = root / "cert.pem", root / "key.pem"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        root.chmod(0o755)


class Tunnels:
    """One stunnel with a way in for each peer's client and a way out to the sink."""

    def __init__(self, certificate: Certificate) -> None:
        self._root = certificate.certificate.parent
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, clients: dict[int, int], servers: dict[int, int]) -> None:
        """Open plain ports in front of TLS ports (`clients`), and TLS ports in front of plain ones (`servers`)."""
        parts = [GLOBAL]
        parts += [CLIENT.format(name=f"in-{one}", accept=one, connect=other) for one, other in clients.items()]
        parts += [
            SERVER.format(name=f"out-{one}", accept=one, connect=other, root=self._root)
            for one, other in servers.items()
        ]
        settings = self._root / "stunnel.conf"
        settings.write_text("".join(parts))
        self._process = subprocess.Popen(
            ["stunnel", str(settings)], stdout=subprocess.DEVNULL, stderr=(self._root / "stunnel.log").open("wb")
        )

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
