"""A private Postfix, tuned for relaying, in a folder of its own; started and stopped by process id."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bench.tls import Certificate

SERVICES = """\
127.0.0.1:{port} inet n - n - 250 smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - 250 smtp
relay     unix - - n - 250 smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
"""

TLS_SERVICES = """\
127.0.0.1:{port} inet n - n - 250 smtpd
    -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt
tlsmgr    unix - - n 1000? 1 tlsmgr
tlsproxy  unix - - n - 0 tlsproxy
"""

TLS_SETTINGS = """\
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtp_tls_security_level = encrypt
smtp_tls_wrappermode = yes
smtp_tls_connection_reuse = {reuse}
smtpd_tls_session_cache_database =
smtp_tls_session_cache_database =
smtp_tls_CAfile = {certificate}
"""

SETTINGS = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.invalid
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:{sink}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_milters =
in_flow_delay = 0
default_process_limit = 250
default_destination_concurrency_limit = 100
initial_destination_concurrency = 100
default_destination_recipient_limit = 50
qmgr_message_active_limit = 100000
smtp_connection_cache_on_demand = yes
smtpd_timeout = 300s
maximal_backoff_time = 300s
minimal_backoff_time = 10s
queue_run_delay = 10s
"""

PLAIN_SETTINGS = """\
smtp_tls_security_level = none
smtpd_tls_security_level = none
"""

FOLDERS = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("private", "saved", "trace", "maildrop", "public", "pid"),
)


class Postfix:
    """One private instance that relays everything to a sink; with a `certificate` in by TLS too, out by TLS only."""

    def __init__(
        self, root: Path, port: int, sink_port: int, *, certificate: Certificate | None = None, reuse: bool = True
    ) -> None:
        self.root = root
        self.port = port
        self.tls_port = port + 2
        self._certificate = certificate
        self._reuse = reuse
        self._sink_port = sink_port
        self._master: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> str:
        """Its whole configuration, to be printed beside the figures."""
        return self._settings()

    def start(self) -> int:
        """Start; answers the process id of its master."""
        shutil.rmtree(self.root, ignore_errors=True)
        conf = self.root / "conf"
        conf.mkdir(parents=True)
        (conf / "main.cf").write_text(self.settings)
        services = SERVICES.format(port=self.port)
        if self._certificate is not None:
            services += TLS_SERVICES.format(port=self.tls_port)
        (conf / "master.cf").write_text(services)
        self._make_folders()
        command = ["/usr/lib/postfix/sbin/master", "-c", str(conf), "-d"]
        environ = {**os.environ, "MAIL_CONFIG": str(conf)}
        with (self.root / "master.log").open("wb") as log:
            self._master = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        return self._master.pid

    def stop(self) -> None:
        """Stop the master; its children end with it."""
        if self._master is None:
            return
        self._master.send_signal(signal.SIGTERM)
        try:
            self._master.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._master.pid, signal.SIGKILL)
            self._master.wait(10)
        self._master = None

    def hold_back(self) -> None:
        """Defer everything that comes in, without trying."""
        self._reconfigure("defer_transports = smtp relay\n")

    def let_go(self) -> None:
        """Deliver the whole queue now, as an operator would order it."""
        self._reconfigure("")
        subprocess.run(["postqueue", "-c", str(self.root / "conf"), "-f"], check=True, capture_output=True)

    def settled(self, messages: int, timeout_s: float = 60.0) -> None:
        """Return once so many messages rest in its queue, nearly all of them deferred (some are always looked at)."""
        limit, deferred, others = time.monotonic() + timeout_s, 0, 0
        while time.monotonic() < limit:
            deferred, others = self._queued("deferred"), self._queued("active") + self._queued("incoming")
            if deferred + others >= messages and deferred >= 0.95 * messages:
                return
            time.sleep(0.1)
        raise TimeoutError(f"Postfix deferred {deferred} of {messages} messages, {others} are elsewhere in its queue")

    def _queued(self, folder: str) -> int:
        return sum(len(files) for _, _, files in os.walk(self.root / "queue" / folder))

    def _settings(self) -> str:
        text = SETTINGS.format(root=self.root, sink=self._sink_port)
        if self._certificate is None:
            return text + PLAIN_SETTINGS
        return text + TLS_SETTINGS.format(
            certificate=self._certificate.certificate,
            key=self._certificate.key,
            reuse="yes" if self._reuse else "no",
        )

    def _reconfigure(self, more: str) -> None:
        assert self._master is not None
        (self.root / "conf" / "main.cf").write_text(self._settings() + more)
        self._master.send_signal(signal.SIGHUP)
        time.sleep(4.0)

    def _make_folders(self) -> None:
        queue, data = self.root / "queue", self.root / "data"
        data.mkdir()
        queue.mkdir()
        shutil.chown(data, "postfix")
        for name in FOLDERS:
            (queue / name).mkdir()
            shutil.chown(queue / name, "root" if name == "pid" else "postfix")
            (queue / name).chmod(0o755 if name == "pid" else 0o700)
        for name in ("maildrop", "public"):
            shutil.chown(queue / name, "postfix", "postdrop")
        (queue / "maildrop").chmod(0o730)
        (queue / "public").chmod(0o710)


def wait_for_port(port: int, timeout_s: float = 15.0) -> None:
    """Return once something greets on the port; TimeoutError otherwise."""
    import socket

    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.settimeout(2)
                if connection.recv(4).startswith(b"220"):
                    connection.sendall(b"QUIT\r\n")
                    connection.recv(512)
                    return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing greets on port {port}")
