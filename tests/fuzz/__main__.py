"""Runs generated inputs of all kinds through the command line: each must end in success or in one clear message.

    python -m tests.fuzz [--cases 1000] [--seed 0] [--kind NAME ...] [--only NUMBER ...] [--processes 2]

A case is a function of its kind, the seed and its number. Of each fault it prints how often it was found, and the
command that replays its first case.
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom

from rich.console import Console
from rich.table import Table

from tests.fuzz.campaign import outcomes, prepared
from tests.fuzz.case import Kind, Outcome
from tests.fuzz.kinds import KINDS

CHUNK = 100  # cases of one process


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, help="by default a random one, which is printed")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--only", nargs="+", type=int, help="numbers of cases")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if options.seed is None else options.seed
    kinds = [KINDS[name] for name in options.kind]
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"seed {seed}")
    found = [
        outcome
        for kind in kinds
        for outcome in _run(kind, seed, options.only or range(_share(kind, kinds, options.cases)), options.processes)
    ]
    if options.only:
        for outcome in found:
            console.print(str(outcome))
        return int(any(outcome.faults for outcome in found))
    print_table(console, kinds, found)
    return int(any(outcome.faults for outcome in found))


def _share(kind: Kind, kinds: list[Kind], cases: int) -> int:
    return max(1, round(cases * kind.share / sum(one.share for one in kinds)))


def _run(kind: Kind, seed: int, numbers: range | list[int], processes: int) -> list[Outcome]:
    chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
    with prepared(kind) as root, ThreadPoolExecutor(processes) as pool:
        parts = pool.map(lambda chunk: list(outcomes(kind, seed, chunk, root)), chunks)
        return [outcome for part in parts for outcome in part]


def print_table(console: Console, kinds: list[Kind], found: list[Outcome]) -> None:
    """A table of the kinds, then the first case of each fault."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in found:
        for fault in outcome.faults:
            first = fault.partition("\n")[0]
            groups[outcome.kind, re.sub(r"\d+|'[^']*'|\S*/\S*", "*", first)[:100]].append(outcome)
    for (name, fault), cases in sorted(groups.items()):
        console.print(f"\n{len(cases)} x {name}: {fault}\n{cases[0]}")
    table = Table("kind", "cases", "succeeded", "refused", "faults", "CPU seconds a case", box=None)
    for kind in kinds:
        of_kind = [outcome for outcome in found if outcome.kind == kind.name]
        faulty = sum(bool(outcome.faults) for outcome in of_kind)
        refused = sum(not outcome.faults and outcome.message is not None for outcome in of_kind)
        seconds = sum(outcome.seconds for outcome in of_kind) / len(of_kind)
        counts = len(of_kind), len(of_kind) - faulty - refused, refused, faulty
        table.add_row(kind.name, *map(str, counts), f"{seconds:.2f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
