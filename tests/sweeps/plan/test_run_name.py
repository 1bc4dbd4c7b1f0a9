"""What TensorBoard calls the jobs of a sweep."""

from pathlib import Path
from typing import Any

import pytest
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from gradexp.reports.curves import scalars
from gradexp.reports.event_folder import event_folder
from gradexp.sweeps.plan.run_name import LONGEST, event_folder_of_job, run_name, typed_in_job
from tests.command_line import call
from tests.run_folder import events
from tests.sweeps.folders import grid, write_curve, write_sweep
from tests.sweeps.small import SMALL


def hparams(folder: Path) -> set[str]:
    """The settings in the row that a run has in TensorBoard's tab HPARAMS."""
    content = events(folder).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    return {*HParamsPluginData.FromString(content).session_start_info.hparams}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"optimizer": "sgd", "optimizer.lr": 0.01, "seed": 1}, "sgd_lr-0.01_seed-1"),
        ({"model.hidden": [200, 100], "model.activation": "relu"}, "hidden-200,100_activation-relu"),
        ({"augmentation": None, "scheduler": "none", "test": True}, "augmentation-null_scheduler-none_test-true"),
        ({"init_from": "runs of/a=b/../best.ckpt"}, "init_from-runs_of_a_b_.._best.ckpt"),
        ({"optimizer.lr": 1e-05, "optimizer.betas": [0.9, 0.99]}, "lr-1e-05_betas-0.9,0.99"),
        ({"x": "z" * 100}, "z" * LONGEST),
        ({}, ""),
    ],
)
def test_a_run_is_named_by_its_settings(settings: dict[str, Any], name: str) -> None:
    assert run_name(settings) == name


def test_a_job_logs_into_a_folder_that_says_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *SMALL, "optimizer=sgd,adam", "seed=0") is None
    for number, name in enumerate(("sgd", "adam")):
        used = event_folder(Path(f"sweep/{number}"))
        assert used == Path(f"sweep/{number}/tensorboard/{name}")
        assert any(used.glob("*.hparams"))
        assert "val/loss" in scalars(Path(f"sweep/{number}"))
        typed = {**dict(word.split("=") for word in SMALL[2:-1]), "optimizer": name, "seed": "0"}
        assert typed_in_job(Path(f"sweep/{number}")) == typed
        assert hparams(Path(f"sweep/{number}")) == {
            "experiment",
            "optimizer",
            "seed",
            "hidden",
            "batch_size",
            "max_epochs",
        }
    assert typed_in_job(Path("sweep")) == {}


def test_a_job_that_has_logged_elsewhere_goes_on_there(tmp_path: Path) -> None:
    """A sweep of an earlier version, or one whose jobs were named before its axes changed."""
    folder = write_sweep(tmp_path / "sweep", grid(seed=[0, 1]))
    assert event_folder_of_job(folder / "0") == folder / "0/tensorboard/seed-0"
    write_curve(folder / "0", "val/loss", [1.0])
    assert event_folder_of_job(folder / "0") == folder / "0/tensorboard"
    (folder / "1/tensorboard/old").mkdir(parents=True)
    (folder / "1/tensorboard/old/events.out.tfevents.1").touch()
    assert event_folder_of_job(folder / "1") == folder / "1/tensorboard/old"
    assert event_folder_of_job(tmp_path / "single") == tmp_path / "single/tensorboard"
