"""Every experiment in conf/ runs from end to end, in a short form of the command in its file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_class

from gradexp import compose
from gradexp.configuration.files import CONF_DIR
from gradexp.data import MNIST, ImageDataModule
from gradexp.reports import descent_report
from tests.callbacks.drawing import drawn, shown
from tests.command_line import call

pytestmark = pytest.mark.slow

FILES = sorted((CONF_DIR / "experiment").glob("*.yaml"))
EXPERIMENTS = [path.stem for path in FILES if "task: explain" not in path.read_text()]  # the others train nothing
SWEEPS = ("bias_variance", "overfitting", "regularization_path", "vanishing_gradients")  # see tests/sweeps/report
SHORT = [name for name in EXPERIMENTS if name not in SWEEPS]
REPEATS, MAX_STEPS = 20, 12


def finished_runs() -> list[Path]:
    return sorted(path.parent for path in Path("outputs").rglob("metrics.json"))


@pytest.mark.parametrize("name", SHORT)
def test_an_experiment_runs_from_end_to_end(
    name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg = compose(f"+experiment={name}")
    short = ["trainer.max_epochs=1", "figures=true", "trainer.log_every_n_steps=2"]
    if cfg.data.get("repeat", 1) > REPEATS:
        short.append(f"data.repeat={REPEATS}")
    source: Any = get_class(cfg.data._target_)
    if source is MNIST:
        short += [f"data_dir={request.getfixturevalue('mnist_data_dir')}", f"trainer.max_steps={MAX_STEPS}"]
    elif issubclass(source, MNIST) or "mirror" in cfg.data:
        pytest.skip(f"{source.__name__} needs a download")
    # Coarser figures of a surface: those of the default size take seconds.
    monkeypatch.setattr(descent_report, "GRID", 40)
    monkeypatch.setattr(descent_report, "STARTS", 20)
    assert call(monkeypatch, f"+experiment={name}", *short) is None

    out, err = capsys.readouterr()
    assert "completed" in out
    assert err == "", "no warning"
    runs = finished_runs()
    assert runs
    for folder in runs:
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["status"] == "completed"
        assert metrics["epochs"] == 1 or metrics["steps"] == MAX_STEPS
        assert metrics["data"] == source.__name__
        assert cfg.test == any(key.startswith("test/") for key in metrics)
        files, images = drawn(folder), shown(folder)
        assert "loss_curve" in files
        assert set(files) == set(images)
        if issubclass(source, ImageDataModule):
            assert "test_confusion_matrix" in files
