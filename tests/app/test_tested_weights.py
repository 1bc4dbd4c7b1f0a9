"""best.ckpt holds the weights whose scores are reported beside test/*, whatever else happens in the fit."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.nn import functional as F

from gradexp import compose, run
from gradexp.app.assembly import build_data, build_model
from gradexp.engine.checkpoint_file import read_checkpoint

pytestmark = pytest.mark.slow

CALLBACK = "+callbacks.it._target_=lightning.pytorch.callbacks."
TRUST = "trusted_packages=[gradexp,lightning,tests]"
CASES: dict[str, list[str]] = {
    "ordinary": [],
    "augmentation and dropout": ["augmentation=affine", "model.dropout=0.5"],
    "validation within epochs": ["+trainer.val_check_interval=0.25", "optimizer.lr=0.03"],
    "validation every second epoch": ["trainer.check_val_every_n_epoch=2"],
    "exponential average of every step": [f"{CALLBACK}EMAWeightAveraging", "callbacks.it.decay=0.9", TRUST],
    "average of every epoch": ["+callbacks.it._target_=tests.app.test_tested_weights.AverageOfEpochs", TRUST],
    "SWA": [f"{CALLBACK}StochasticWeightAveraging", "callbacks.it.swa_lrs=0.01", TRUST],
    "pruning": [f"{CALLBACK}ModelPruning", "callbacks.it.pruning_fn=l1_unstructured", "callbacks.it.amount=0.7", TRUST],
    "batch-size finder": [f"{CALLBACK}BatchSizeFinder", "callbacks.it.init_val=32", "callbacks.it.max_trials=2", TRUST],
    "range test": ["+callbacks=lr_finder", "callbacks.lr_finder.num_training_steps=30"],
    "less than an epoch": ["trainer.max_steps=20"],
    "regression": ["data=diabetes", "data.repeat=5", "model=mlp_regressor"],
}


class AverageOfEpochs(WeightAveraging):
    """Updates the averages after each epoch's validation, so that the saved ones are newer than the validated ones."""

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return epoch_idx is not None


def scores(model: Any, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    """Loss, and accuracy of a classifier, by torch's own functions."""
    with torch.no_grad():
        outputs = model.eval()(inputs)
    if targets.is_floating_point():
        return {"loss": F.mse_loss(outputs, targets).item()}
    return {
        "loss": F.cross_entropy(outputs, targets).item(),
        "accuracy": (outputs.argmax(1) == targets).float().mean().item(),
    }


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_reported_scores_are_those_of_best_ckpt(overrides: list[str], own_folder: Path) -> None:
    result = run("trainer.max_epochs=4", "figures=false", f"hydra.run.dir={own_folder}", *overrides)
    cfg = compose(*overrides)
    data = build_data(cfg)
    model = build_model(cfg, data)
    model.load_state_dict(read_checkpoint(f"{own_folder}/checkpoints/best.ckpt")["state_dict"])
    data.setup("fit")
    data.setup("test")
    data.augment = None
    batches = {
        "best/train": data.sample(50_000),
        "best/val": data.held_out(),
        "test": tuple(torch.cat(part) for part in zip(*data.test_dataloader(), strict=True)),
    }
    for stage, (inputs, targets) in batches.items():
        for name, value in scores(model, inputs, targets).items():
            if "trainer.max_steps=20" not in overrides or stage != "best/val":  # which ends before a validation
                assert result.metrics[f"{stage}/{name}"] == pytest.approx(value, rel=1e-4), f"{stage}/{name}"


def test_found_settings_are_recorded_and_kept_when_the_run_is_resumed(own_folder: Path) -> None:
    finder = [f"{CALLBACK}LearningRateFinder", "callbacks.it.num_training_steps=30", TRUST, "scheduler=onecycle"]
    first = run("trainer.max_epochs=2", "figures=false", f"hydra.run.dir={own_folder}", *finder)
    last = f"{own_folder}/checkpoints/last.ckpt"
    rate = read_checkpoint(last)["config"]["optimizer"]["lr"]
    assert rate != compose().optimizer.lr
    assert yaml.safe_load((own_folder / ".hydra" / "config.yaml").read_text())["optimizer"]["lr"] == rate
    assert f"optimizer.lr is {rate:g}, as found before the fit" in first.notes
    # The run equals one that was given this rate: its schedule, too, is laid out for the rate that was found.
    given = run("trainer.max_epochs=2", "figures=false", f"optimizer.lr={rate}", "scheduler=onecycle")
    assert given.metrics["train/loss"] == first.metrics["train/loss"]
    resumed = run("task=train", f"ckpt_path={last}", "figures=false", TRUST)
    assert not any("as found" in note for note in resumed.notes)


def test_a_range_test_publishes_its_figure_and_trains_at_its_rate(own_folder: Path) -> None:
    result = run("+callbacks=lr_finder", "trainer.max_epochs=1", "test=false", f"hydra.run.dir={own_folder}")
    assert result.metrics["lr"] == pytest.approx(result.metrics["range_test/lr"])
    assert (own_folder / "figures" / "range_test.png").is_file()
    again = run("task=train", f"ckpt_path={own_folder}/checkpoints/last.ckpt", "trainer.max_epochs=2", "test=false")
    assert again.metrics["lr"] == pytest.approx(result.metrics["lr"])


def test_weights_from_within_an_epoch_are_not_resumed_from(own_folder: Path) -> None:
    inside = ["+trainer.val_check_interval=0.25", "optimizer.lr=0.03", "trainer.max_epochs=3"]
    result = run(*inside, "figures=false", f"hydra.run.dir={own_folder}")
    best = read_checkpoint(f"{own_folder}/checkpoints/best.ckpt")
    assert best["weights_step"] < best["global_step"]
    with pytest.raises(ValueError, match=r"ckpt_path must be last.ckpt to resume this run"):
        run("task=train", f"ckpt_path={own_folder}/checkpoints/best.ckpt")
    tested = run("task=test", f"ckpt_path={own_folder}/checkpoints/best.ckpt", "figures=false")
    assert tested.metrics["steps"] == best["weights_step"]
    assert tested.metrics["test/loss"] == pytest.approx(result.metrics["test/loss"])


@pytest.mark.parametrize("limit", ["0", "1"])
def test_a_limit_of_the_validation_does_not_apply_to_training_samples(limit: str, own_folder: Path) -> None:
    short = ["trainer.max_epochs=1", "figures=false", "test=false", "data.eval_batch_size=50", "monitor=train/loss"]
    whole = run(*short, f"hydra.run.dir={own_folder}/whole")
    limited = run(*short, f"+trainer.limit_val_batches={limit}", f"hydra.run.dir={own_folder}/limited")
    assert limited.metrics["best/train/accuracy"] == whole.metrics["best/train/accuracy"]


def test_a_fit_of_the_same_few_batches_is_not_judged_by_all_training_samples() -> None:
    result = run("+trainer.overfit_batches=2", "trainer.max_epochs=30", "figures=false", "test=false")
    assert "best/train/accuracy" not in result.metrics
    assert result.metrics.get("diagnosis") != "under-fitting"
