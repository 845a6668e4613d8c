"""The README is true: every example that can be run is run, in order, against the quickstart it describes."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.postfix import Postfix, wait_for_port
from posthorse.lab.remote import LabRemote
from tools.examples import Example, Use, examples_in, placed

TOP = Path(__file__).resolve().parents[2]
README = TOP / "README.md"
COMMANDS = Path(sys.executable).parent
AWS_COMMANDS = TOP / ".venv" / "awscli" / "bin"
NODE_MODULES = TOP / "tests" / "clients" / "node" / "node_modules"
WEBHOOK_SECRET = "whsec_" + "A" * 32
ARRIVES_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The quickstart as a user started it, and what it printed."""

    folder: Path
    banner: str
    smtp: str
    http: str
    password: str
    lab: LabRemote

    @property
    def environment(self) -> dict[str, str]:
        """What the README tells a user to export."""
        return {
            "HOME": str(self.folder),
            "PATH": os.pathsep.join((str(COMMANDS), str(AWS_COMMANDS), os.environ["PATH"], "/usr/sbin")),
            "NODE_PATH": str(NODE_MODULES),
            **dict(re.findall(r"export (AWS_\w+)='?([^'\n]*)", self.banner)),
            "POSTHORSE_CONFIG": "quickstart/posthorse.toml",
            "POSTHORSE_LAB": self.lab.url,
            "POSTHORSE_SMTP_PASSWORD": self.password,
        }

    def as_written(self, text: str) -> str:
        """An example with the addresses and the password of this gateway in the documented places."""
        host, _, port = self.smtp.rpartition(":")
        return placed(
            text,
            {
                "127.0.0.1:2525": self.smtp,
                "[127.0.0.1]:2525": f"[{host}]:{port}",
                '"127.0.0.1", 2525': f'"{host}", {port}',
                "EMAIL_PORT = 2525": f"EMAIL_PORT = {port}",
                "127.0.0.1:8025": self.http,
                "the-printed-password": self.password,
            },
        )


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The quickstart in a folder of its own, as `make run` starts it; stopped as Ctrl-C stops it."""
    folder = tmp_path_factory.mktemp("readme")
    process = subprocess.Popen(
        [str(COMMANDS / "posthorse"), "serve", "--quickstart"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        banner = ""
        for line in process.stdout:
            banner += line
            if line.startswith("Ctrl-C stops it"):
                break
        yield _running(folder, banner)
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest


def _running(folder: Path, banner: str) -> Running:
    def printed(pattern: str) -> str:
        found = re.search(pattern, banner)
        assert found, f"the banner does not say {pattern}:\n{banner}"
        return found[1]

    return Running(
        folder=folder,
        banner=banner,
        smtp=printed(r"smtp://(\S+)"),
        http=printed(r"http://(\S+)/healthz"),
        password=printed(r"password +(\S+)"),
        lab=LabRemote(url=printed(r"POSTHORSE_LAB=(\S+)")),
    )


def _examples(*languages: str, use: Use = Use.RUN) -> list[Example]:
    return [example for example in examples_in(README) if example.use is use and example.language in languages]


def _named(example: Example) -> str:
    return f"line{example.line}"


def _skip_without(example: Example) -> None:
    if example.needs and not _is_installed(example.needs):
        assert os.environ.get("POSTHORSE_TESTS") != "all", f"{example.needs} is not installed"
        pytest.skip(f"{example.needs} is not installed")


def _is_installed(program: str) -> bool:
    """The clients of AWS are installed by `make clients`; what else is called so would be of another version."""
    match program:
        case "aws":
            return (AWS_COMMANDS / "aws").exists()
        case "node":
            return NODE_MODULES.is_dir() and shutil.which("node") is not None
        case _:
            return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is not None


def _arrivals(running: Running) -> int:
    return int(running.lab.mailbox()["arrivals_total"])


def _assert_arrived(running: Running, before: int, example: Example) -> None:
    wanted = before + example.arrives
    totals = running.lab.mailbox_with(wanted, ARRIVES_WITHIN_S)
    assert totals["arrivals_total"] == wanted, totals


INTERPRETERS = {"python": [sys.executable], "js": ["node", "-"], "sh": ["bash", "-euo", "pipefail"]}


@pytest.mark.parametrize("example", _examples(*INTERPRETERS), ids=_named)
def test_commands_and_programs_do_what_the_readme_says(quickstart: Running, example: Example) -> None:
    """Each example ends well as it stands, and its mail arrives once."""
    _skip_without(example)
    before = _arrivals(quickstart)
    done = subprocess.run(
        INTERPRETERS[example.language],
        input=quickstart.as_written(example.text),
        cwd=quickstart.folder,
        env=quickstart.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _assert_arrived(quickstart, before, example)


@pytest.mark.parametrize("example", _examples("python", use=Use.CHECK), ids=_named)
def test_django_sends_with_the_settings_of_the_readme(quickstart: Running, example: Example) -> None:
    """A Django with these settings and no others sends a message, and it arrives once."""
    before = _arrivals(quickstart)
    done = subprocess.run(
        [sys.executable, "-c", f"{quickstart.as_written(example.text)}\n{_DJANGO}"],
        env=quickstart.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _assert_arrived(quickstart, before, example)


_DJANGO = """
from django.conf import settings
from django.core.mail import send_mail
settings.configure(**{name: value for name, value in dict(globals()).items() if name.isupper()})
send_mail("by Django", "It works.", "app@example.com", ["you@example.net"])
"""


class AsInTheReadme(Postfix):
    """A private Postfix with the README's lines at the end of its `main.cf`."""

    def __init__(self, root: Path, port: int, lines: str) -> None:
        super().__init__(root, port, sink_port=1)
        self._lines = lines

    @property
    def settings(self) -> str:
        """The private instance's own settings, save those that the README's lines set."""
        set_there = set(re.findall(r"^(\w+) *=", self._lines, flags=re.MULTILINE))
        kept = [line for line in super().settings.splitlines() if line.split("=")[0].strip() not in set_there]
        return "\n".join([*kept, self._lines])


@pytest.mark.parametrize("example", _examples("ini"), ids=_named)
def test_a_postfix_relays_with_the_lines_of_the_readme(
    quickstart: Running, example: Example, open_folder: Path
) -> None:
    """Mail given to a Postfix with these lines arrives through Posthorse."""
    _skip_without(example)
    if os.geteuid() != 0:
        pytest.skip("Postfix changes users, which only root may start")
    before = _arrivals(quickstart)
    port = _free_port()
    postfix = AsInTheReadme(open_folder / "postfix", port, quickstart.as_written(example.text))
    postfix.start()
    try:
        wait_for_port(port)
        subprocess.run([sys.executable, "-c", _SUBMIT, str(port)], timeout=30, check=True)
        _assert_arrived(quickstart, before, example)
    finally:
        postfix.stop()


_SUBMIT = r"""
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as client:
    client.sendmail("app@example.com", ["you@example.net"], "From: app@example.com\nSubject: by Postfix\n\nIt works.")
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that Postfix's own user may pass; pytest's belong to root alone."""
    with tempfile.TemporaryDirectory(prefix="posthorse-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("example", _examples("toml", use=Use.CHECK), ids=_named)
def test_a_configuration_of_the_readme_is_accepted(example: Example, tmp_path: Path) -> None:
    """`posthorse config check` finds no problem and gives no warning, save for names that nobody here resolves."""
    file = tmp_path / "posthorse.toml"
    file.write_text(example.text)
    named = re.findall(r'"env:(\w+)"', example.text)
    secrets = {name: WEBHOOK_SECRET if "WEBHOOK" in name else "AKIAEXAMPLE000000001" for name in named}
    done = subprocess.run(
        [str(COMMANDS / "posthorse"), "config", "check", "--config", str(file)],
        env={**os.environ, **secrets},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no problems" in done.stdout
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert [line for line in warnings if "cannot be resolved here" not in line] == []


def test_the_readme_shows_what_the_quickstart_prints(quickstart: Running) -> None:
    """Every line of the output in the README is printed, with the addresses of this run and the password left out."""
    (shown,) = [example for example in examples_in(README) if "posthorse is ready" in example.text]
    for line in quickstart.as_written(shown.text).splitlines():
        assert line.removesuffix("...") in quickstart.banner


def test_what_the_readme_exports_is_printed(quickstart: Running) -> None:
    """The second terminal needs no more than what the quickstart prints, in the same order."""
    (shown,) = [example for example in examples_in(README) if "export POSTHORSE_LAB" in example.text]
    exported = re.compile(r"^\s*export (\w+)=", re.MULTILINE)
    assert exported.findall(quickstart.banner) == exported.findall(shown.text)


def _to_copy() -> list[str]:
    """How each line to copy begins that sends a message."""
    return ["posthorse send", "swaks", 'python3 -c "import smtplib', 'python3 -c "import boto3', "aws", "curl"]


@pytest.mark.parametrize("begin", _to_copy())
def test_the_lines_to_copy_work_as_printed(quickstart: Running, begin: str) -> None:
    """Each line of the banner sends a message when pasted into a shell with the exports."""
    program = begin.split(maxsplit=1)[0]
    if not _is_installed(program) and program not in ("posthorse", "python3"):
        assert os.environ.get("POSTHORSE_TESTS") != "all", f"{program} is not installed"
        pytest.skip(f"{program} is not installed")
    before = _arrivals(quickstart)
    found = re.search(rf"^  {re.escape(begin)}\b(?:.*\\\n)*.*\n", quickstart.banner, re.MULTILINE)
    assert found, begin
    shell, environment = ["bash", "-euo", "pipefail"], quickstart.environment
    subprocess.run(shell, input=found[0], cwd=quickstart.folder, env=environment, text=True, timeout=60, check=True)
    assert quickstart.lab.mailbox_with(before + 1, ARRIVES_WITHIN_S)["arrivals_total"] == before + 1


def test_health_and_metrics_answer_where_the_banner_says(quickstart: Running) -> None:
    """The three addresses of the banner answer 200."""
    for address in re.findall(r"http://\S+/(?:healthz|readyz|metrics)", quickstart.banner):
        subprocess.run(
            [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])", address],
            timeout=30,
            check=True,
        )


def _day_by_day() -> list[list[str]]:
    """The commands of the README's table, save `restore`, which wants a folder without a spool."""
    _, _, table = README.read_text().partition("## Day by day")
    written = re.findall(r"`(posthorse [^`]+)`", table.partition("\n## ")[0])
    return [
        shlex.split(one) for one in written if " restore FILE" not in one and one.split()[1] not in ("config", "serve")
    ]


def test_the_commands_for_every_day_are_taken_as_they_are_written(quickstart: Running) -> None:
    """Each command of the table is carried out, with a receipt, a file and a provider that exist."""

    def run(*words: str) -> str:
        command = [str(COMMANDS / "posthorse"), *words]
        done = subprocess.run(
            command,
            cwd=quickstart.folder,
            env=quickstart.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        nobody_in_doubt = words[:2] == ("queue", "decide") and done.returncode == 1
        assert done.returncode == 0 or nobody_in_doubt, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    receipt = run("send", "--from", "app@example.com", "--to", "table@example.org").split()[0]
    key = json.loads(run("keys", "create", "--json"))["id"]
    backup = str(quickstart.folder / "table.backup")
    there = {"RECEIPT": receipt, "FILE": backup, "KEY": key, "relay": "smtp-simulated"}
    commands = _day_by_day()
    assert len(commands) >= 10
    for _, *words in commands:
        run(*(there.get(word, word) for word in words))
