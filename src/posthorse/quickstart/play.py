"""Running a quickstart: the gateway in this process, the simulated providers in another that ends with it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from posthorse.daemon import serve
from posthorse.lab.hooks import GREETING_S
from posthorse.lab.http_line import HttpLine, LineBroken
from posthorse.quickstart.banner import banner, served
from posthorse.quickstart.house import LOOPBACK, SES_NAME, House, move_in
from posthorse.web.role import Role

_GRACE_S = 10.0


def quickstart(folder: Path, told: Callable[[str], None]) -> None:
    """Run until Ctrl-C; `told` gets the text for the terminal once mail is taken. Raises OSError, `ConfigProblems`."""
    house = move_in(folder, os.environ, told)
    under_way: set[asyncio.Task[None]] = set()
    with _lab(house) as lab:

        def ready(addresses: Mapping[str, str]) -> None:
            task = asyncio.get_running_loop().create_task(_announce(addresses, house, lab, told))
            under_way.add(task)

        serve(house.config, house.path, os.environ, ready)


async def _announce(addresses: Mapping[str, str], house: House, lab: str, told: Callable[[str], None]) -> None:
    """Have the simulated SES tell the gateway what becomes of mail; then give the lines to copy."""
    if house.sns_port is not None and not await _subscribed(addresses, house, lab):
        told(f"{SES_NAME} could not subscribe at the gateway, so delivery is not confirmed: see {_log(house)}")
    told(banner(addresses, house, lab))


async def _subscribed(addresses: Mapping[str, str], house: House, lab: str) -> bool:
    where = served(addresses, house, Role.HOOKS)
    if not where:
        return False
    control = HttpLine(lab, timeout_s=GREETING_S + _GRACE_S)
    setting = json.dumps({"url": f"{where}/hooks/{SES_NAME}"}).encode()
    try:
        answer = await control.ask("POST", f"/hooks/{SES_NAME}", (), setting)
    except LineBroken:
        return False
    finally:
        control.close()
    return answer.status == 200 and bool(json.loads(answer.body)["ready"])


@contextmanager
def _lab(house: House) -> Iterator[str]:
    """The simulated providers for the length of a block; the URL of their control, empty if there are none."""
    if not house.simulated:
        yield ""
        return
    process = _started(house)
    try:
        yield _control(process, house)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _started(house: House) -> subprocess.Popen[str]:
    """Its standard input is a pipe that only we hold: however we end, the lab reads its end and ends too."""
    command = [sys.executable, "-m", "posthorse", "lab", "serve", "--json", "--until-eof"]
    for name, port in house.simulated.items():
        command += ["--ses" if name == SES_NAME else "--smtp", f"{name}:{port}"]
    command += ["--control", f"{LOOPBACK}:{house.control_port}"]
    command += ["--folder", str(house.lab_folder)]
    if house.sns_port is not None:
        command += ["--sns", f"{LOOPBACK}:{house.sns_port}"]
    command += ["--mailbox-file", str(house.folder / "mailbox.jsonl")]
    with _log(house).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 (our own command)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the gateway first
        )


def _control(process: subprocess.Popen[str], house: House) -> str:
    """Its ready line comes from our own child, so no other lab is taken for it. Raises OSError."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise OSError(f"the simulated providers did not start: {_log(house).read_text(errors='replace').strip()}")
    return str(json.loads(line)["control"])


def _log(house: House) -> Path:
    return house.folder / "lab.log"
