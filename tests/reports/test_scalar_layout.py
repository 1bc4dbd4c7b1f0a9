"""The tab Custom Scalars, as TensorBoard's own code merges it from several runs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext

from gradexp.engine.event_writer import EventWriter
from gradexp.reports.scalar_layout import MEASURED, OTHERS, charts, write_layout
from tests.reports.tensorboard_plugins import CustomScalarsPlugin

OURS = ("train/loss", "train/penalty", "train/objective", "train/accuracy", "val/loss", "val/accuracy", "train/lr")


def merged(folder: Path) -> dict[str, list[str]]:
    """The titles of the charts in each category that TensorBoard shows of all runs below a folder."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    plugin = CustomScalarsPlugin(TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(folder))))
    layout: Any = plugin.layout_impl(RequestContext(), "")
    found = json.loads(layout)
    return {one["title"]: [chart["title"] for chart in one["chart"]] for one in found["category"]}


@pytest.mark.parametrize(
    ("tags", "measured", "others"),
    [
        (OURS, ["loss", "accuracy"], ["lr", "penalty", "objective"]),
        (reversed(OURS), ["loss", "accuracy"], ["lr", "penalty", "objective"]),
        (
            ("val/f1", "val/loss", "lr", "grad_norm/", "parameter/bias"),
            ["loss", "f1"],
            ["lr", "grad_norm", "parameter"],
        ),
        (
            ("val/f1", "val/loss", "train/lr", "weights/grad_norm/", "weights/parameter/bias"),
            ["loss", "f1"],
            ["lr", "grad_norm", "parameter"],
        ),
        (("epoch", "train_loss_step", "train_loss_epoch", "val_loss", "val_f1"), ["loss", "f1"], []),
        (("train/loss", "train/loss_epoch", "train/samples_per_second", "test/loss", "best/val/loss"), ["loss"], []),
    ],
)
def test_loss_comes_first_then_accuracy_and_the_rest(tags: Any, measured: list[str], others: list[str]) -> None:
    found = charts(tags)
    assert [list(found.get(category, [])) for category in (MEASURED, OTHERS)] == [measured, others]


@pytest.mark.parametrize(
    ("tags", "category", "title"),
    [
        (["train/loss", "val/loss"], MEASURED, "loss"),
        (["train_loss_step", "val_loss"], MEASURED, "loss"),
        (["train/lr"], OTHERS, "lr"),
        (["lr"], OTHERS, "lr"),  # of an earlier run, as the next but one
        (["weights/grad_norm/network.0", "weights/grad_norm/network.1"], OTHERS, "grad_norm"),
        (["grad_norm/network.0", "grad_norm/network.1"], OTHERS, "grad_norm"),
    ],
)
def test_a_chart_shows_its_own_scalars_alone(tags: list[str], category: str, title: str) -> None:
    kind, patterns = charts(tags)[category][title]
    assert kind == "Multiline"
    others = [*OURS, "train/loss_epoch", "test/loss", "best/val/loss", "grad_norms", "weights/bias_grad_norm/a", "lrs"]
    # As TensorBoard does.
    shown = [tag for tag in dict.fromkeys([*tags, *others]) if any(re.match(one, tag) for one in patterns)]  # type: ignore[attr-defined]
    assert set(tags) <= set(shown)
    assert {*shown} - {*tags} <= ({"train/lr"} if title == "lr" else {"train/loss", "val/loss"})


def test_tensorboard_shows_each_chart_of_all_runs_once(tmp_path: Path) -> None:
    runs = {
        "a": ("train/loss", "val/loss", "train/lr"),
        "b": OURS,
        "c": ("train/loss", "train/r2", "val/loss", "val/r2", "train/lr", "weights/parameter/bias"),
        "d": ("epoch",),  # has nothing to show
    }
    for name, tags in runs.items():
        with EventWriter(str(tmp_path / name)) as writer:
            write_layout(writer, tags)
    assert merged(tmp_path) == {
        MEASURED: ["loss", "accuracy", "r2"],
        OTHERS: ["lr", "penalty", "objective", "parameter"],
    }
