"""The ratios that a benchmark ends with: what it is run with, and the file that they are written to."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A benchmark's arguments: --ratios; each benchmark adds its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratios", type=Path, default=None, help="a JSON file that the ratios are written to")
    return parser


def save(path: Path | None, ratios: Mapping[str, float]) -> None:
    """Write ratios by name; nothing without a path."""
    if path is not None:
        path.write_text(json.dumps(ratios, indent=2) + "\n")
