"""Runs many simulated sweeps and prints a table: python -m tests.simulations --repeats 20000."""

import argparse

import numpy as np
from rich.console import Console
from rich.progress import track

from tests.simulations.chances import coverage
from tests.simulations.errors import errors
from tests.simulations.laws import LAWS, SPREADS, spreads

SETTINGS, SEEDS = (2, 5, 10, 30), (3, 5, 10)


def main() -> None:
    """Print, for every law, number of settings and of seeds, how often verdicts are false and intervals hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulations", description=__doc__)
    parser.add_argument("--repeats", type=int, default=20_000, help="simulated sweeps of two settings")
    repeats = parser.parse_args().repeats
    cases = [
        (law, kind, number, seeds, pairs)
        for law in LAWS
        for kind in SPREADS
        for number in SETTINGS
        for seeds in SEEDS
        for pairs in (True, False)
    ]
    out = Console(width=120)
    rng = np.random.default_rng(0)
    out.print("law            spreads     K   n  test    sweeps   false %  all intervals hold %", highlight=False)
    for law, kind, number, seeds, pairs in track(cases, console=Console(stderr=True)):
        sweeps = max(repeats // max(number * (number - 1) // 16, 1), 500)
        found = errors(rng, sweeps, LAWS[law], spreads(kind, number), seeds, pairs=pairs)
        test = "pairs" if pairs else "Welch"
        out.print(
            f"{law:14} {kind:10} {number:2} {seeds:3}  {test:6} {sweeps:7}  {100 * found.false:7.2f} "
            f"{100 * found.covered:10.2f}",
            highlight=False,
        )
    for chance in (0.5, 0.75, 0.95):
        for seeds in (5, 10):
            held = coverage(rng, repeats, chance, seeds)
            out.print(
                f"chance to beat {chance}, {seeds} seeds: the interval holds in {100 * held:.2f} %", highlight=False
            )


if __name__ == "__main__":
    main()
