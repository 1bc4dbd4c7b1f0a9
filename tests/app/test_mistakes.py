"""What people type by mistake is answered in one line, in plain words, with what to type, before torch is imported."""

import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import gradexp
from gradexp.app import command_line, hydra_keys
from tests.command_line import call

# Each mistake, and the whole answer, in which "..." stands for a list of names.
TEXT = (Path(__file__).parent / "mistakes.txt").read_text()
MISTAKES = dict(re.findall(r"^gradexp (.*)\n    (.*)$", TEXT, re.MULTILINE))

# Words of ANTLR, by which Hydra reads overrides, of argparse, and of Hydra itself.
FOREIGN = (
    "expecting", "<EOF>", "viable", "mismatched", "usage:", "unrecognized", "defaults list", "append",
    "Multiple values", "Exception",
)  # fmt: skip

# Their answers need files, the groups, the static reader of classes, or the parser.
SOME = re.compile(r"nowhere|hause|RUN|monitor=|learning_rate=|^\w+$|accelerator=gpu")
WITHOUT_TORCH = [line for line in MISTAKES if SOME.search(line)]


@pytest.fixture
def files(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files and folders beside which the mistakes are made."""
    monkeypatch.setenv("HOME", "/home/me")
    Path("RUN/checkpoints").mkdir(parents=True)
    Path("pictures").mkdir()
    for name in ("RUN/checkpoints/best.ckpt", "RUN/checkpoints/last.ckpt", "image.png", "house.csv"):
        Path(name).touch()
    Path("RUN/.hydra").mkdir()
    Path("RUN/.hydra/config.yaml").write_text(
        "optimizer: {lr: 0.001}\ntrainer: {max_epochs: 20}\ndata: {target: price}\n"
    )
    before = sorted(Path().rglob("*"))
    yield
    assert sorted(Path().rglob("*")) == before, "a mistake writes nothing"


def test_there_are_many() -> None:
    assert len(MISTAKES) >= 120
    assert len(WITHOUT_TORCH) > 20


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("line", "answer"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_answered_in_one_line_with_what_to_type(
    line: str, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "execute", lambda cfg: pytest.fail("it was taken for right"))
    monkeypatch.setattr(hydra_keys, "may_have", lambda accelerator: accelerator in ("auto", "cpu"))
    message = str(call(monkeypatch, *shlex.split(line)))
    pattern = re.escape(f"error: {answer}").replace(re.escape("..."), r"[\w, .]+")
    assert re.fullmatch(pattern, message), message
    assert capsys.readouterr().err == "", "the message is all that is printed"
    for word in FOREIGN:
        assert word not in message


@pytest.mark.usefixtures("files")
def test_it_is_answered_before_torch_is_imported() -> None:
    script = textwrap.dedent(f"""
        import shlex, sys, time
        from gradexp.app.command_line import cli
        for line in {WITHOUT_TORCH!r}:
            sys.argv = ["gradexp", *shlex.split(line)]
            started = time.process_time()
            try:
                cli()
            except SystemExit as end:
                assert str(end.code).startswith("error: "), line
            assert time.process_time() - started < 1, line
            assert "torch" not in sys.modules, line
    """)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_overrides_may_stand_on_both_sides_of_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """argparse alone refuses those after the flag."""
    assert call(monkeypatch, "seed=1,2", "-m", "optimizer=sgd,adam", "sweep.dry_run=true") is None


def test_the_version_names_what_results_depend_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--version") is None
    printed = capsys.readouterr().out
    expected = f"gradexp {gradexp.__version__} (torch {version('torch')}, Lightning {version('lightning')}, Hydra "
    assert printed.startswith(expected)
    assert printed.count("\n") == 1
