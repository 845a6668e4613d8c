"""Command: everything a person can do, thin over the rooms that do it.

Promise: exit status 0 (done), 1 (no, or not done) and 2 (the command was not understood); with `--json` data goes to
standard output as one JSON document. Modules here import little at the top: `posthorse --help` is used by people who
wait for it.
"""


def main() -> None:
    """The program `posthorse`."""
    from posthorse.cli.app import run

    raise SystemExit(run())
