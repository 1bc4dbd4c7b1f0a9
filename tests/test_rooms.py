"""The rooms (folders) of the package: which rooms and libraries each may import; the tests have the same folders."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gradexp

PACKAGE = Path(gradexp.__file__).parent
TESTS = Path(__file__).parent

# From the lowest layer up: a room imports only rooms before it. The sub-rooms of sweeps are ordered one by one.
ROOMS = (
    ("rules", "files", "untrusted", "by_file", "randomness", "workers"),
    ("interrupts",),
    ("forks",),
    ("arguments",),
    ("gradients", "figures", "verdicts"),
    ("building",),
    ("objective",),
    ("engine",),
    ("data", "explain"),
    ("models",),
    ("callbacks",),
    ("reports",),
    ("auditing",),
    ("configuration",),
    ("sweeps.job_folder",),
    ("sweeps.plan",),
    ("sweeps.search",),
    ("sweeps.launch",),
    ("sweeps.report",),
    ("app",),
    ("__main__", "__init__"),
)
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}
LONGEST = 250  # lines of a file


def modules() -> dict[str, Path]:
    """The file of each module, by its name without `gradexp.`; a package is named after its folder."""
    files = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return files


MODULES = modules()


def room_of(module: str) -> str:
    sub_room = ".".join(module.split(".")[:2])
    return sub_room if sub_room in RANK else module.partition(".")[0]


@cache
def imported(path: Path) -> frozenset[str]:
    """All imports of a file, as MODULE or MODULE.NAME, also inside functions, except under TYPE_CHECKING."""
    return frozenset(_imported(ast.parse(path.read_text())))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


def libraries(path: Path) -> set[str]:
    """Top-level packages that a file imports."""
    return {name.partition(".")[0] for name in imported(path)}


def gradexp_imports(path: Path) -> set[str]:
    """Modules of gradexp that a file imports, named as in MODULES."""
    names = {name.removeprefix("gradexp.") for name in imported(path) if name.startswith("gradexp.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & MODULES.keys()


def test_a_room_imports_only_rooms_before_it() -> None:
    upward = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in sorted(gradexp_imports(path))
        if room_of(name) != room_of(module) and RANK[room_of(name)] >= RANK[room_of(module)]
    ]
    assert not upward


def test_no_two_modules_import_each_other() -> None:
    graph = {name: gradexp_imports(path) for name, path in MODULES.items()}
    seen: dict[str, bool] = {}  # False while the module is being visited

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert seen.get(name, True), f"circular imports: {' -> '.join((*trail, name))}"
        if name not in seen:
            seen[name] = False
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            seen[name] = True

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(("library", "rooms"), [("hydra", {"app", "sweeps.launch"}), ("plotly", {"sweeps.report"})])
def test_only_some_rooms_import_a_library(library: str, rooms: set[str]) -> None:
    assert {room_of(name) for name, path in MODULES.items() if library in libraries(path)} == rooms


@pytest.mark.parametrize("library", ["torch", "lightning"])
def test_rooms_that_check_the_configuration_do_not_import_torch(library: str) -> None:
    for name, path in MODULES.items():
        if room_of(name) in ("configuration", "sweeps.plan", "sweeps.launch", "rules", "arguments", "files"):
            assert library not in libraries(path), name


def test_the_engine_imports_neither_models_nor_data() -> None:
    for name, path in MODULES.items():
        if room_of(name) == "engine":
            assert {room_of(one) for one in gradexp_imports(path)}.isdisjoint({"models", "data"}), name


def test_there_are_at_most_ten_top_level_modules() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 10


def test_no_file_is_long() -> None:
    long = {name: lines for name, path in MODULES.items() if (lines := len(path.read_text().splitlines())) > LONGEST}
    assert not long


def test_the_tests_mirror_the_package() -> None:
    rooms = {path.parent.relative_to(PACKAGE) for path in MODULES.values()} - {Path()}
    mirrored = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")} - {Path()}
    assert mirrored <= rooms, "a folder of tests has the name of a folder of gradexp"
    # Tests in the room above loop over all studies and topics.
    assert rooms - mirrored <= {Path("sweeps"), Path("sweeps/report/studies")}


def test_no_test_imports_another_test() -> None:
    for path in TESTS.rglob("*.py"):
        others = {name for name in imported(path) if name.startswith("tests.") and "test_" in name.rpartition(".")[2]}
        assert not {name for name in others if (TESTS.parent / f"{name.replace('.', '/')}.py").is_file()}, path
