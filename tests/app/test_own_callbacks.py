"""The user's callbacks: `+callbacks.NAME._target_=CLASS`."""

from pathlib import Path

import pytest

from gradexp import run
from tests.command_line import call

SHORT = ("+experiment=linear_regression", "trainer.max_epochs=1", "data.repeat=5", "figures=false", "test=false")
TARGET = "+callbacks.mine._target_="
TRUSTED = "trusted_packages=[gradexp,own_package]"
MODULE = """
from pathlib import Path
from lightning.pytorch import Callback


class Diary(Callback):
    def __init__(self, file, lines=1):
        self.file, self.lines = file, lines

    def on_fit_end(self, trainer, pl_module):
        Path(self.file).write_text(f"{type(pl_module).__name__}\\n" * self.lines)


class Other:
    pass
"""


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packages" / "own_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder.parent)


@pytest.mark.usefixtures("own_package")
def test_a_callback_of_a_trusted_package_runs_with_its_arguments() -> None:
    run(*SHORT, TRUSTED, f"{TARGET}own_package.Diary", "+callbacks.mine.file=diary", "+callbacks.mine.lines=2")
    assert Path("diary").read_text() == "LinearRegression\n" * 2


def test_several_callbacks_run_under_different_names() -> None:
    cost = "+callbacks.cost._target_=gradexp.callbacks.CostCurve"
    timer = ("+callbacks.timer._target_=lightning.pytorch.callbacks.Timer", "+callbacks.timer.duration=01:00:00:00")
    result = run(*SHORT, cost, *timer, "trusted_packages=[gradexp,lightning]")
    assert (result.folder / "cost_curve.csv").is_file()


@pytest.mark.usefixtures("own_package")
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            (f"{TARGET}own_package.Diary",),
            ["callbacks.mine._target_", "trusted package (gradexp, ", "own_package.Diary"],
        ),
        (
            (f"{TARGET}own_package.Other", TRUSTED),
            ["callbacks.mine._target_ must name a callback of Lightning's", "has Diary"],
        ),
        ((f"{TARGET}own_package.Dairy", TRUSTED), ["must name a callback of Lightning's", "Did you mean Diary?"]),
        (
            (f"{TARGET}own_package.none.Diary", TRUSTED),
            ["callbacks.mine._target_ must name a callback", "there is no module own_package.none"],
        ),
        (
            (f"{TARGET}gradexp.models.LinearRegression",),
            ["callbacks.mine._target_ must name a callback of Lightning's"],
        ),
        ((f"{TARGET}own_package.Diary", TRUSTED), ["callbacks.mine.file must be given", "Diary has no default"]),
        (
            (f"{TARGET}own_package.Diary", TRUSTED, "+callbacks.mine.file=x", "+callbacks.mine.line=1"),
            ["callbacks.mine.line is not an argument of Diary", "file, lines", "Did you mean lines?"],
        ),
        (("+callbacks.mine.file=x",), ["callbacks.mine._target_ must name a callback of Lightning's", "it is missing"]),
        (
            ("+callbacks.mine=5",),
            ["callbacks.mine must be a section of keys and values", "got 5"],
        ),
    ],
)
def test_a_bad_callback_gets_one_message(
    overrides: tuple[str, ...],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = call(monkeypatch, *SHORT, *overrides)
    assert isinstance(message, str)
    for word in words:
        assert word in message
    assert message.count("error:") == 1
    assert "Traceback" not in message + capsys.readouterr().err
