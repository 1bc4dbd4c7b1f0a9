"""No lower bound of a dependency allows a version with a known vulnerability."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
REQUIRED = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]

# The first version without the vulnerabilities that are known, and what they are.
FIXED = {
    "filelock": ((4, 2, 1), "CVE-2025-68146, CVE-2026-22701, CVE-2026-112909: a lock truncates what a link leads to"),
    "hydra-core": ((1, 3, 7), "CVE-2026-68508, CVE-2026-106439: instantiation runs what a configuration names"),
    "jinja2": ((3, 1, 6), "CVE-2025-27516: templates leave the sandbox"),
    "lightning": ((2, 6, 6), "load_from_checkpoint runs what the file names; 2.6.2 and 2.6.3 were compromised"),
    "onnx": ((1, 21), "CVE-2026-27489, CVE-2026-34446, CVE-2026-34447: a model reads files outside its folder"),
    "pillow": ((12, 3), "CVE-2026-59197, -59199, -59205: writes out of bounds; CVE-2026-59204: JPEG 2000"),
    "pyarrow": ((23, 0, 1), "CVE-2023-47248: data that is read is executed; CVE-2026-25087: use after free"),
    "pyyaml": ((5, 4), "CVE-2020-14343: full_load runs what a file names"),
    "ray": ((2, 56), "CVE-2025-62593, CVE-2026-41486, CVE-2026-57516: data that is read is executed"),
    "scikit-learn": ((1, 5), "CVE-2024-5206: tokens are kept"),
    "torch": ((2, 11), "CVE-2025-32434: weights_only runs code; CVE-2026-4538"),
}


@pytest.mark.parametrize("name", FIXED)
def test_a_lower_bound_is_safe(name: str) -> None:
    (bound,) = [found[1] for one in REQUIRED if (found := re.match(rf"{name}(?:\[.*\])?>=([\d.]+)", one))]
    fixed, why = FIXED[name]
    assert tuple(map(int, bound.split("."))) >= fixed, why


def test_every_dependency_has_a_lower_bound() -> None:
    assert not [one for one in REQUIRED if ">=" not in one and not one.startswith("gradexp[")]
