"""Every command in the README runs: shortened in these tests, or unchanged in .ci/run."""

import re
import shlex
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from gradexp import run
from gradexp.__main__ import command as script
from tests.benchmarks import __main__ as benchmarks
from tests.command_line import call
from tests.published import __main__ as published

CHECKOUT = Path(__file__).parents[1]
TEXT = (CHECKOUT / "README.md").read_text()
START = "uv run python -m gradexp"
COMMAND = re.compile(r"^    ((?:uv run|tensorboard) .*?)(?:  +#.*)?$", re.MULTILINE)
COMMANDS = COMMAND.findall(TEXT)
# These serve until they are stopped, so what they are given is checked in their place.
SERVING = {"tensorboard --logdir ": "outputs", "uv run --with jupyter jupyter lab ": "notebooks/first_steps.ipynb"}
# Commands such as `uv run ...` in the text and in tables.
INLINE = [one for one in re.findall(r"`((?:uv|gradexp) [^`]*)`", TEXT) if "=NAME" not in one]

SHORT = ("trainer.max_epochs=1", "figures=false", "test=false", "+trainer.limit_train_batches=2")
# Too slow even when shortened: a dry run composes and checks the jobs.
LISTED = ("+experiment=mnist optimizer=momentum,adam", "+sweep=", "+experiment=bias_variance")
MODULE = """
import torch
from lightning import LightningModule

class MyModule(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self.layer(batch[0].flatten(1)), batch[1])

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the README's RUN (a run), FOLDER (a sweep) and the user's files."""
    root = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(root)
        run(*SHORT, "hydra.run.dir=RUN")
        assert call(monkeypatch, "-m", *SHORT, "optimizer.lr=1e-3,1e-2", "seed=0,1", "hydra.sweep.dir=FOLDER") is None
        rng = np.random.default_rng(0)
        rooms = rng.integers(1, 9, 100)
        pl.DataFrame({"rooms": rooms, "price": rooms * 10.5 + rng.normal(size=100)}).write_csv("houses.csv")
        pl.DataFrame({"rooms": [1, 2]}).write_csv("new_houses.csv")
        for name in ("cat", "dog", "digits"):
            folder = Path("digits") if name == "digits" else Path("pets") / name
            folder.mkdir(parents=True)
            for number in range(10):
                Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"{number}.png")
        run(*SHORT, "data=table", "data.path=houses.csv", "data.target=price", "hydra.run.dir=HOUSES")
        Path("mypackage.py").write_text(MODULE)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith(START)])
def test_a_command_of_the_readme_runs(
    command: str, folders: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(folders)
    monkeypatch.syspath_prepend(folders)
    if "new_houses.csv" in command:
        command = command.replace("RUN", "HOUSES")
    arguments = shlex.split(command.replace("FILE_OR_FOLDER", "digits").removeprefix(START))
    if any(argument.startswith("+experiment=mnist") for argument in arguments):
        arguments.append(f"data_dir={request.getfixturevalue('mnist_data_dir')}")
    is_new = not any(argument.startswith(("task=", "ckpt_path=", "--")) for argument in arguments)
    if is_new and any(part in command for part in LISTED):
        arguments = ["-m", *arguments, "sweep.dry_run=true"]
    elif is_new and "sweep.resume" not in command:
        arguments += SHORT
    is_audit = "task=audit" in command  # ends with status 1: the tutorial's model fails a check
    assert call(monkeypatch, *arguments) in ((1,) if is_audit else (None, 0))


def test_the_commands_of_the_readme_are_found() -> None:
    assert len(COMMANDS) >= 25
    others = [one for one in COMMANDS if not one.startswith(START)]
    assert others == [start + given for start, given in SERVING.items()]
    notebook = (CHECKOUT / SERVING["uv run --with jupyter jupyter lab "]).read_text()
    assert others[1] in notebook, "it says how it is opened; test_notebook.py runs it"


def test_the_pictures_of_the_readme_are_small_and_described() -> None:
    pictures = dict(re.findall(r"^!\[(.*)\]\((.*)\)$", TEXT, re.MULTILINE))
    assert sorted(pictures.values()) == sorted(f".figures/{path.name}" for path in (CHECKOUT / ".figures").iterdir())
    assert all(len(description.split()) >= 5 for description in pictures)
    for name in pictures.values():
        assert (CHECKOUT / name).stat().st_size <= 150_000, name
        with Image.open(CHECKOUT / name) as image:
            assert image.width <= 800, "its text is too small where a page is 700 pixels wide"


def test_the_python_code_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch, mnist_data_dir: Path) -> None:
    (code,) = re.findall(r"^    from gradexp import run, sweep  .*\n(?:    .*\n)+", TEXT, re.MULTILINE)
    monkeypatch.setenv("GRADEXP_DATA_DIR", str(mnist_data_dir))
    shortened = code.replace("    ", "")
    for end, more in (('lr=0.1"', '"trainer.max_steps=2"'), ('seed=0,1,2"', '"trainer.max_epochs=1"')):
        assert end in shortened
        shortened = shortened.replace(end, f'{end}, {more}, "figures=false", "~hydra.callbacks.write_report"')
    names: dict[str, object] = {}
    exec(shortened.replace("run(", "accuracy = run(", 1).replace("\nsweep(", "\nverdicts = sweep(", 1), names)
    assert isinstance(names["accuracy"], float)
    assert "2 settings by best/val/accuracy" in str(names["verdicts"])


def test_ci_runs_the_other_commands_of_the_readme() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    ci = (CHECKOUT / ".ci" / "run").read_text()
    for command in re.findall(r"^    (pip install .*)$", TEXT, re.MULTILINE):
        assert command in ci
    for command in INLINE:
        if command.startswith("uv sync --extra "):
            assert command.rpartition(" ")[2] in project["project"]["optional-dependencies"]
        elif "pytest -m" in command:  # a subset of all tests, possibly with other versions
            assert "uv run pytest" in ci
        elif command.startswith("uv run python -m tests."):
            assert find_spec(command.split()[4]) is not None, command
        else:
            assert command in ci, command
    assert project["project"]["scripts"] == {"gradexp": f"{script.__module__}:{script.__name__}"}


@pytest.mark.slow
def test_one_command_runs_all_benchmarks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "uv run python -m tests.benchmarks" in INLINE
    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"mnist": ["{data_dir}"], "sweep": ["--jobs", "2"]})
    monkeypatch.setattr("sys.argv", ["benchmarks"])
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    benchmarks.main()
    out = capsys.readouterr().out
    assert "mnist is left out" in out
    assert re.search(r"sweep +a job / its fit +\d", out)


@pytest.mark.slow
def test_the_published_numbers_are_measured_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "uv run python -m tests.published" in INLINE
    monkeypatch.setattr(published, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    monkeypatch.setattr("sys.argv", ["published", "--only", "linear_multivariate", "--seeds", "2"])
    assert published.main() in (0, 1)
    assert capsys.readouterr().out.count("linear_multivariate") == 3


def test_nothing_names_another_projects_package() -> None:
    """On PyPI the name gradexp is another project's."""
    files = [
        CHECKOUT / "README.md",
        *(path for folder in ("gradexp", "conf") for path in (CHECKOUT / folder).rglob("*")),
    ]
    for path in files:
        if path.suffix in (".md", ".py", ".yaml", ".j2"):
            assert not re.search(r"(pip install|uvx) '?\"?gradexp|gradexp\[\w", path.read_text()), path
