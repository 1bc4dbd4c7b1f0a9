"""Draws every figure of the package into a folder, with a contact sheet, and prints how long each takes."""

import argparse
import time
from pathlib import Path

from gradexp.callbacks.publication import write_figure
from gradexp.figures.output import FORMATS, WIDTHS, figures_as
from tests.gallery.contact_sheet import contact_sheet
from tests.gallery.faults import faults
from tests.gallery.of_runs import run_figures
from tests.gallery.of_sweeps import sweep_figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("folder", type=Path, help="where figures/ and contact_sheet.png are written")
    parser.add_argument("--size", choices=list(WIDTHS), help="of a paper; the figures' own where it is left out")
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=["png"])
    parser.add_argument("--only", default="", help="draw only figures with this in their name")
    parser.add_argument("--check", action="store_true", help="list the faults of every figure at every size")
    options = parser.parse_args()
    pictures: list[Path] = []
    formats = list(dict.fromkeys(["png", *options.format]))
    with figures_as(formats, options.size):
        for name, draw in (run_figures() | sweep_figures()).items():
            if options.only in name:
                started = time.perf_counter()
                paths = write_figure(options.folder, name.replace(", ", "_").replace(" ", "_"), draw(), None)
                print(f"{time.perf_counter() - started:6.2f} s  {', '.join(map(str, paths))}")
                pictures.append(paths[0])
    if options.check:
        _check(options.only)
    contact_sheet(pictures, options.folder / "contact_sheet.png")
    print(f"{len(pictures)} figures: {options.folder / 'contact_sheet.png'}")


def _check(only: str) -> None:
    for name, draw in (run_figures() | sweep_figures()).items():
        for size in (None, *WIDTHS):
            for fault in faults(draw, size) if only in name else ():
                print(f"{name}, {size}: {fault}")


if __name__ == "__main__":
    main()
