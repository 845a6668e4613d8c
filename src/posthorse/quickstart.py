"""Quickstart: the main job on one machine without an account anywhere.

A gateway on SQLite with two simulated providers (one speaks SES, one SMTP; a process of its own) in front of a local
mailbox. Everything is kept in one folder and survives a restart; nothing leaves the machine.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthorse.accept.credentials import smtp_password
from posthorse.config.load import load_config
from posthorse.daemon import serve

KEY_ID = "AKIAQUICKSTART000001"
REGION = "us-east-1"
SMTP_PORT, HTTP_PORT, LAB_PORT = 2525, 8025, 8027

CONFIG = """\
# Made by `posthorse serve --quickstart`; start from it: replace the simulated providers with your own accounts.
[node]
name = "localhost"

[spool]
url = "sqlite:posthorse.db"

[[listen]]
smtp = "127.0.0.1:{smtp}"

[[listen]]
http = "127.0.0.1:{http}"

[[access_keys]]
id = "{key_id}"
secret = "file:access-key-secret"

[[classify]]
match = {{ subject = "*password*" }}
stream = "urgent"

[[providers]]
name = "ses-simulated"
kind = "ses"
region = "{region}"
endpoint = "{endpoint}"
access_key_id = "{lab_key}"
secret_access_key = "file:simulated-ses-secret"

[[providers]]
name = "smtp-simulated"
kind = "smtp"
host = "{host}"
port = {port}
tls = "none"

[log]
file = "posthorse.log"
"""

BANNER = """\
posthorse is ready. Two simulated providers, ses-simulated first, then smtp-simulated; nothing leaves this machine.

  SMTP      {smtp}
  health    {http}/healthz  {http}/readyz  {http}/metrics
  user      {user}
  password  {password}

Send a message:
  swaks --server {smtp_host}:{smtp_port} --auth PLAIN --auth-user {user} --auth-password '{password}' \\
        --from app@example.com --to you@example.net --header 'Subject: hello'
  python3 -c "import smtplib; s = smtplib.SMTP('{smtp_host}', {smtp_port}); s.login('{user}', '{password}'); \\
        s.sendmail('app@example.com', 'you@example.net', 'From: app@example.com\\nSubject: hello\\n\\nIt works.')"

Look:
  {command} lab mailbox --control {lab}          what arrived
  {command} queue list --config {config}         what waits or is in doubt
  {command} explain ID --config {config}         one message's whole life
  {command} providers list --config {config}     how the providers stand

Break something:
  {command} lab fault ses-simulated refuse --control {lab}

Ctrl-C stops it. Its folder is {folder}.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lab:
    """The running simulated providers."""

    process: subprocess.Popen[str]
    control: str
    ses: Mapping[str, Any]
    smtp: Mapping[str, Any]


def quickstart(folder: Path, told: Callable[[str], None]) -> None:
    """Run until Ctrl-C; `told` gets the text for the terminal once mail is taken. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lab = _start_lab(folder)
    try:
        path = _write_config(folder, lab)
        config = load_config(path, os.environ)
        secret = (folder / "access-key-secret").read_text().strip()
        serve(config, path, os.environ, lambda addresses: told(_banner(addresses, folder, path, lab, secret)))
    finally:
        lab.process.terminate()
        lab.process.wait(10)


def _start_lab(folder: Path) -> _Lab:
    command = [sys.executable, "-m", "posthorse", "lab", "serve", "--json"]
    command += ["--ses", "ses-simulated:0", "--smtp", "smtp-simulated:0"]
    command += ["--control", f"127.0.0.1:{_free(LAB_PORT)}", "--mailbox-file", str(folder / "mailbox.jsonl")]
    log = (folder / "lab.log").open("ab")
    process = subprocess.Popen(  # noqa: S603 (our own command)
        command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise OSError(f"the simulated providers did not start; see {folder / 'lab.log'}")
    ready = json.loads(line)
    providers = ready["providers"]
    return _Lab(
        process=process,
        control=ready["control"],
        ses=providers["ses-simulated"],
        smtp=providers["smtp-simulated"],
    )


def _write_config(folder: Path, lab: _Lab) -> Path:
    """The configuration for this run: the key stays, the addresses are those of now."""
    _keep(folder / "access-key-secret", secrets.token_urlsafe(30))
    _write(folder / "simulated-ses-secret", lab.ses["secret_access_key"])
    path = folder / "posthorse.toml"
    path.write_text(
        CONFIG.format(
            smtp=_free(SMTP_PORT),
            http=_free(HTTP_PORT),
            key_id=KEY_ID,
            region=REGION,
            endpoint=lab.ses["endpoint"],
            lab_key=lab.ses["access_key_id"],
            host=lab.smtp["host"],
            port=lab.smtp["port"],
        )
    )
    return path


def _free(wanted: int) -> int:
    """The wanted port, or 0 for any if somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _keep(file: Path, secret: str) -> None:
    if not file.exists():
        _write(file, secret)


def _write(file: Path, secret: str) -> None:
    file.touch(mode=0o600)
    file.write_text(secret + "\n")


def _banner(addresses: Mapping[str, str], folder: Path, path: Path, lab: _Lab, secret: str) -> str:
    host, _, port = addresses["smtp"].removeprefix("smtp://").rpartition(":")
    return BANNER.format(
        smtp=addresses["smtp"],
        http=addresses["http"],
        user=KEY_ID,
        password=smtp_password(secret, REGION),
        smtp_host=host,
        smtp_port=port,
        lab=lab.control,
        config=os.path.relpath(path),
        folder=os.path.relpath(folder),
        command=_command(),
    )


def _command() -> str:
    """How this program was called, so that the lines can be copied."""
    own = Path(sys.argv[0])
    return os.path.relpath(own) if own.name == "posthorse" else "posthorse"
