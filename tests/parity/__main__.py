"""Trains random jobs on the basic and on the vectorized launcher, and compares all that they leave.

    python -m tests.parity [--cases 200] [--seed 0] [--only NUMBER ...]
    python -m tests.parity --kills 20 [--seed 0]

Jobs are drawn in groups that can share stacks; a group is a function of the seed and its number. A job whose difference
is no larger than that of other last bits of its initial weights counts as sensitive, and as no fault. With --kills,
sweeps are killed instead, and resumed.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

from tests.parity.compare import Verdict, compared
from tests.parity.draw import draw, write_tables
from tests.parity.kills import kills

MEMBERS = (2, 3, 5)


def group(seed: int, number: int) -> list[list[str]]:
    """The jobs of a group."""
    random = Random(f"{seed}/{number}")
    return draw(random, random.choice(MEMBERS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="jobs")
    parser.add_argument("--seed", type=int, help="by default a random one, which is printed")
    parser.add_argument("--only", nargs="+", type=int, help="numbers of groups")
    parser.add_argument("--kills", type=int, help="sweeps to kill")
    options = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    if options.kills:
        return _kills(options.kills, seed)
    verdicts: list[Verdict] = []
    started, number = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="gradexp-parity-") as folder, contextlib.chdir(folder):
        write_tables()
        while number < len(options.only) if options.only else len(verdicts) < options.cases:
            which = options.only[number] if options.only else number
            found = compared(group(seed, which), "jobs")
            for verdict in found:
                if verdict.faults and not verdict.is_sensitive:
                    print(f"\n--seed {seed} --only {which}: {' '.join(verdict.job)}")
                    print("\n".join(f"  FAULT: {fault[:300]}" for fault in verdict.faults[:12]))
            verdicts += found
            number += 1
            print(f"{len(verdicts)} jobs, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            for path in Path().glob("jobs-*"):
                shutil.rmtree(path)
    return summary(verdicts)


def _kills(number: int, seed: int) -> int:
    good = 0
    with tempfile.TemporaryDirectory(prefix="gradexp-kills-") as folder, contextlib.chdir(folder):
        for what, faults in kills(number, seed):
            good += not faults
            print(f"{what}: {'; '.join(faults[:5]) or 'right'}", flush=True)
    print(f"{good} of {number} sweeps end as the uninterrupted one")
    return int(good < number)


def summary(verdicts: list[Verdict]) -> int:
    """Print the counts; returns the exit status."""
    counts = Counter(verdict.status for verdict in verdicts)
    for reason, count in Counter(verdict.reason[:150] for verdict in verdicts if verdict.status == "failed").items():
        print(f"{count} failed: {reason}")
    faulty = [verdict for verdict in verdicts if verdict.faults and not verdict.is_sensitive]
    print(
        f"{len(verdicts)} jobs ({', '.join(f'{count} {status}' for status, count in counts.items())}), "
        f"{sum(verdict.is_stacked for verdict in verdicts)} in stacks: {len(faulty)} differ, "
        f"{sum(verdict.is_sensitive for verdict in verdicts)} more are sensitive to the last bit of their weights"
    )
    return int(bool(faulty))


if __name__ == "__main__":
    sys.exit(main())
