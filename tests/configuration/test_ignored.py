"""Typed settings without an effect are refused; those with one are not."""

from typing import Any

import pytest

from gradexp.configuration.ignored import NO_FIT, OF_FITS, check_ignored

NODE: dict[str, Any] = {"data": {"_target_": "gradexp.data.Table", "folds": None, "fold": None}}
READ = (
    "data.batch_size=3", "data.path=new.csv", "data.new_rows=true", "data.separator=tab", "trainer.accelerator=cpu",
    "trainer.devices=1", "trainer.limit_test_batches=2", "trainer.precision=64-true", "loss=mse", "loss.weight=[1,2]",
    "regularizer.l1=1", "+metrics=f1", "seed=1", "trainer.max_time=null", "figures=false", "monitor=val/loss",
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


def test_the_columns_of_a_checkpoint_are_its_own() -> None:
    with pytest.raises(ValueError, match=r"^data.drop has no effect with task=test, which takes"):
        check_ignored(["data.drop=[id]"], {**NODE, "task": "test"}, None)
    check_ignored(["data.target=id"], {"data": {"_target_": "mine.Table"}, "task": "test"}, None)
    check_ignored(["data.target=id"], {**NODE, "task": "train"}, None)
