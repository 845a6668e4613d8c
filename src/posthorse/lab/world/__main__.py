"""`python -m posthorse.lab.world`: run many seeds, or look for one safeguard that was taken out.

Prints one line for every hundred worlds and a summary; of the first world with a violation everything that helps to
understand it, and the command that repeats it. Exit status 1 if there was one, else 0; with `--break`, 1 is success,
as the last line then says.
"""

import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from posthorse.lab.world.breaks import Break
from posthorse.lab.world.play import Outcome, play

LINES = 80
"""How much of the story of a failing world is shown."""


def main(
    seeds: Annotated[int, typer.Option(help="How many worlds.")] = 50,
    first: Annotated[int, typer.Option(help="Seed of the first.")] = 1,
    break_: Annotated[Break, typer.Option("--break", help="The safeguard to take out.")] = Break.NONE,
    jobs: Annotated[int, typer.Option(help="Processes that share the work.")] = 1,
    lines: Annotated[int, typer.Option(help="Lines shown of the story of a failing world.")] = LINES,
) -> None:
    """Run simulated worlds, one for each seed."""
    began_s = time.monotonic()
    run = arrived = 0
    with _outcomes(seeds, first, break_, jobs) as outcomes:
        for outcome in outcomes:
            run += 1
            arrived += outcome.arrivals
            if outcome.violations:
                _explain(outcome, break_, lines)
                _summarise(run, arrived, began_s)
                if break_ is not Break.NONE:
                    first_one = outcome.violations[0].invariant
                    print(f"found, as it must be: seed {outcome.seed} misses {break_.value} by {first_one} (status 1)")
                sys.exit(1)
            if run % 100 == 0:
                print(f"{run} worlds", flush=True)
    _summarise(run, arrived, began_s)
    if break_ is not Break.NONE:
        print(f"NOT found: {break_.value} was taken out and nobody noticed in {run} worlds: they look away (status 0)")


@contextmanager
def _outcomes(seeds: int, first: int, break_: Break, jobs: int) -> Iterator[Iterator[Outcome]]:
    numbers = range(first, first + seeds)
    if jobs == 1:
        yield (play(seed, break_) for seed in numbers)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield pool.imap(partial(play, break_=break_), numbers)


def _explain(outcome: Outcome, break_: Break, lines: int) -> None:
    print(f"\nseed {outcome.seed}: {len(outcome.violations)} violations")
    for violation in outcome.violations[:10]:
        print(f"  {violation}")
    print("\n" + "\n".join(outcome.weather) + "\n")
    print("\n".join(outcome.story[-lines:]))
    again = f"--first {outcome.seed} --seeds 1 --break {break_.value}"
    print(f"\nrepeat it: {sys.executable} -m posthorse.lab.world {again}")


def _summarise(run: int, arrived: int, began_s: float) -> None:
    took_s = time.monotonic() - began_s
    print(f"{run} worlds, {arrived} arrivals, {took_s:.1f} s, {run / took_s:.1f} worlds/s")


if __name__ == "__main__":
    typer.run(main)
