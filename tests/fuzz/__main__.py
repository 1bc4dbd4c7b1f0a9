"""Runs generated inputs of all kinds through the command line: each must end in success or in one clear message.

    python -m tests.fuzz [--cases 1000] [--seed 0] [--kind NAME ...] [--only NUMBER ...] [--processes 2]

A case is a function of its kind, the seed and its number. The first case of each fault is printed when it is found;
the end is a table, and for each fault how often it was found and the command that replays its first case.
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import SystemRandom

from rich.console import Console
from rich.table import Table

from gradexp.app.errors import printable
from tests.fuzz.campaign import outcomes, prepared
from tests.fuzz.case import Kind, Outcome
from tests.fuzz.kinds import KINDS

CHUNK = 50  # cases of one process
NAMES = r"\d+|'[^']*'|\S*/\S*"  # what differs between cases of one fault


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
    found: list[Outcome] = []
    for kind in kinds:
        numbers = options.only or range(_share(kind, kinds, options.cases))
        for outcome in _run(kind, seed, numbers, options.processes):
            is_new = not set(fault_names(outcome)) <= {name for one in found for name in fault_names(one)}
            if is_new or options.only:
                console.print(f"\n{printable(str(outcome))}")
            found.append(outcome)
    print_table(console, kinds, found)
    return int(any(outcome.faults for outcome in found))


def _share(kind: Kind, kinds: list[Kind], cases: int) -> int:
    return max(1, round(cases * kind.share / sum(one.share for one in kinds)))


def _run(kind: Kind, seed: int, numbers: Sequence[int], processes: int) -> Iterator[Outcome]:
    chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
    with prepared(kind) as root, ThreadPoolExecutor(processes) as pool:
        for part in pool.map(lambda chunk: list(outcomes(kind, seed, chunk, root)), chunks):
            yield from part


def fault_names(outcome: Outcome) -> list[str]:
    """The faults of a case without its numbers, paths and quotations."""
    first_lines = (fault.partition("\n")[0] for fault in outcome.faults)
    return [f"{outcome.kind}: {re.sub(NAMES, '*', line)[:100]}" for line in first_lines]


def print_table(console: Console, kinds: list[Kind], found: list[Outcome]) -> None:
    """How often each fault was found and how its first case is replayed, then the counts of each kind."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        for name in fault_names(outcome):
            groups[name].append(outcome)
    for name, cases in sorted(groups.items()):
        console.print(f"{len(cases)} x {printable(name)}\n    {cases[0].replay}")
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
