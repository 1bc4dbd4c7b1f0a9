"""Measures the published numbers again with fresh seeds, and names those that differ.

    python -m tests.published [--quick] [--only EXPERIMENT ...] [--data-dir DIR] [--seeds 5] [--processes N] [--record]

Each number is compared with the recorded one by Welch's t-test, at a level of 5 % over all of them (Holm). --quick
leaves out fits of more than a minute. --record measures the seeds 0, 1, ... instead and records them; the texts of the
README and of conf/experiment/ are then brought up to date by hand, which tests/test_published.py checks.
"""

import argparse
import json
import os
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from gradexp.files import write_atomically
from tests.published.comparison import differs, holm
from tests.published.measure import measure
from tests.published.rows import RECORD, ROWS, recorded, text

FIRST_FRESH = 1000  # seeds from here on are not recorded


def main() -> int:
    names = list(dict.fromkeys(row.experiment for row in ROWS))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, default=5, help="fresh seeds")
    parser.add_argument("--data-dir", default="null")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    rows = [row for row in ROWS if row.experiment in options.only and not (options.quick and row.is_long)]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        runs: dict[str, list[Future[dict[str, float]]]] = {}
        for row in sorted(rows, key=lambda row: not row.is_long):
            seeds = range(row.seeds) if options.record else range(FIRST_FRESH, FIRST_FRESH + options.seeds)
            arguments = options.data_dir, options.accelerator
            runs[row.name] = [pool.submit(measure, row, seed, *arguments) for seed in seeds]
        measured = {
            row.name: {name: [run.result()[name] for run in runs[row.name]] for name in row.metrics} for row in rows
        }
    if options.record:
        write_atomically(RECORD, (json.dumps(recorded() | measured, indent=1) + "\n").encode())
        return 0
    known = recorded()
    pairs = [(row, name, known[row.name][name], measured[row.name][name]) for row in rows for name in row.metrics]
    p_values = [differs(published, fresh) for _, _, published, fresh in pairs]
    outside = holm(p_values)
    table = Table("experiment", "metric", "published", "fresh seeds", "p", "", box=None)
    for (row, name, published, fresh), p, is_outside in zip(pairs, p_values, outside, strict=True):
        mark = "[red]outside[/]" if is_outside else ""
        table.add_row(row.name, name, text(name, published), text(name, fresh), f"{p:.2g}", mark)
    Console(width=140).print(table)
    return int(any(outside))


if __name__ == "__main__":
    sys.exit(main())
