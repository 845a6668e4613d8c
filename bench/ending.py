"""SIGTERM and SIGINT end a run as an error would: everything that was started is stopped, by its process id."""

import signal
import sys
from types import FrameType


def end_cleanly() -> None:
    """From now on the first of these signals raises SystemExit where the run stands; the next ones change nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    print(f"stopping by {signal.Signals(number).name}", file=sys.stderr, flush=True)
    sys.exit(128 + number)
