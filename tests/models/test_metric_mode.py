"""Whether a higher or a lower value of a metric is better: for the monitor, and for a search."""

from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from torchmetrics import MeanSquaredError

import gradexp.models
from gradexp.configuration.files import CONF_DIR
from gradexp.models.user_metrics import LOSS_NAMES, metric_mode
from gradexp.objective import monitor
from tests.objective.loss_cases import FITS, made

C, R = "torchmetrics.classification.", "torchmetrics.regression."


def test_modes_of_default_metrics_equal_those_known_to_the_monitor() -> None:
    known = {"error": "min"}  # of the bias-variance decomposition, which no metric class computes
    for name in FITS:
        metrics = made(name).val_metrics.default_metrics
        known |= {metric: metric_mode(each) for metric, each in metrics.items(keep_base=True)}  # type: ignore[misc]
    assert known | dict.fromkeys(LOSS_NAMES, "min") == dict(monitor.OWN)
    assert {name for name in gradexp.models.__all__ if not name.startswith("Abstract")} == set(FITS)


@pytest.mark.parametrize(
    ("section", "mode"),
    [
        ({"_target_": f"{C}MulticlassF1Score"}, "max"),
        ({"_target_": "torchmetrics.Accuracy", "top_k": 5}, "max"),
        ({"_target_": "torchmetrics.CalibrationError"}, "min"),
        ({"_target_": f"{R}MeanAbsoluteError"}, "min"),
        ({"_target_": f"{C}MulticlassSpecificity"}, None),
    ],
)
def test_the_mode_is_higher_is_better_of_the_metric_unless_it_is_set(section: dict[str, Any], mode: str | None) -> None:
    config: dict[str, Any] = {"monitor": "val/my_loss", "metrics": {"my_loss": section}}
    assert monitor.monitor_mode(config) == mode
    for asked in ("max", "min"):
        assert monitor.monitor_mode(config | {"monitor_mode": asked}) == asked


class OwnError(MeanSquaredError):
    """A metric of the user's own package."""

    higher_is_better = True  # the opposite of its base class


def test_a_search_takes_its_direction_from_the_metric_of_any_package() -> None:
    metrics = {"mine": {"_target_": f"{OwnError.__module__}.OwnError"}, "f1": {"_target_": "torchmetrics.F1Score"}}
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        for monitored, packages in (("mine", ["gradexp", "tests"]), ("f1", ["gradexp"])):
            cfg = hydra_compose(
                "config", ["hydra/sweeper=optuna", f"monitor=val/{monitored}"], return_hydra_config=True
            )
            OmegaConf.update(cfg, "metrics", metrics, force_add=True)
            cfg.trusted_packages = packages
            assert cfg.hydra.sweeper.direction == "maximize"


def test_names_of_other_modules_have_the_mode_of_their_metric() -> None:
    assert monitor.monitor_mode({"monitor": "val_loss"}) == "min"
    assert monitor.monitor_mode({"monitor": "val_accuracy"}) == "max"
    assert monitor.monitor_mode({"monitor": "val_acc"}) is None
    assert "Did you mean" not in monitor.needs_mode("val_acc")
