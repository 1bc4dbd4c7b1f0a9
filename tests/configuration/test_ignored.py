"""Typed settings without an effect are refused; those with one are not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gradexp.configuration.ignored import NO_FIT, OF_FITS, check_ignored
from gradexp.configuration.retyped import is_in_checkpoint

NODE: dict[str, Any] = {"data": {"_target_": "gradexp.data.Table", "folds": None, "fold": None}}
READ = (
    "data.batch_size=3", "data.path=new.csv", "data.new_rows=true", "data.separator=tab", "trainer.accelerator=cpu",
    "trainer=cpu", "trainer.devices=1", "trainer.limit_test_batches=2", "trainer.precision=64-true", "loss=mse",
    "loss.weight=[1,2]", "regularizer.l1=1", "+metrics=f1", "seed=1", "trainer.max_time=null", "figures=false",
    "monitor=val/loss",
)  # fmt: skip


@pytest.mark.parametrize("task", NO_FIT)
@pytest.mark.parametrize("override", READ)
def test_what_a_task_reads_is_taken(task: str, override: str) -> None:
    check_ignored([override], {**NODE, "task": task}, None)


@pytest.mark.parametrize("override", [*(f"{key}=3" for key in OF_FITS), "+optimizer.lr=1", "optimizer@optimizer=sgd"])
def test_settings_of_the_fit_are_refused_where_nothing_is_fitted(override: str) -> None:
    with pytest.raises(ValueError, match=" has no effect with task=test, which does not train; got "):
        check_ignored([override], {**NODE, "task": "test"}, None)
    for task in ("train", "audit", "bias_variance"):
        check_ignored([override], {**NODE, "task": task}, None)


@pytest.mark.parametrize("key", [*OF_FITS, "data.target", "freeze", "init_from", "optimizer@optimizer"])
def test_what_is_so_already_may_be_typed_again(key: str) -> None:
    node = {**NODE, "task": "test"}
    check_ignored([f"{key}=3"], node, None, lambda name: name == key.partition("@")[0])
    with pytest.raises(ValueError, match=" has no effect with task=test, "):
        check_ignored([f"{key}=3"], node, None, lambda name: False)


@pytest.mark.parametrize(
    ("typed", "kept", "expected"),
    [
        (1, 1.0, True), (0.1, 0.01, False), (True, 1, False), ([0.9, 0.99], [0.9, 0.99], True), (0.1, None, False),
        ({"lr": 0.1}, {"lr": 0.1}, True), ({"lr": 0.1}, {"lr": 0.1, "eps": 1}, False),
    ],
)  # fmt: skip
def test_a_value_is_compared_with_the_checkpoints(typed: Any, kept: Any, expected: bool, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "best.ckpt"
    node, saved = {"ckpt_path": str(checkpoint), "optimizer": {"x": typed}}, {"optimizer": {"x": kept}}
    assert is_in_checkpoint("optimizer.x", node, saved) == expected
    assert is_in_checkpoint("optimizer.x", node, None), "only the checkpoint can tell"
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text(yaml.safe_dump(saved))
    assert is_in_checkpoint("optimizer.x", node, None) == expected, "the record of its run tells"
    assert not is_in_checkpoint("optimizer.x", {**node, "ckpt_path": None}, None)
    (tmp_path / ".hydra" / "resumed_1").mkdir()
    assert is_in_checkpoint("optimizer.x", node, None), "it was resumed, maybe with another value"


def test_the_columns_of_a_checkpoint_are_its_own() -> None:
    with pytest.raises(ValueError, match=r"^data.drop has no effect with task=test, which takes"):
        check_ignored(["data.drop=[id]"], {**NODE, "task": "test"}, None)
    check_ignored(["data.target=id"], {"data": {"_target_": "mine.Table"}, "task": "test"}, None)
    check_ignored(["data.target=id"], {**NODE, "task": "train"}, None)
