"""What a run from Python returns beside its metrics: the module that was tested, and predictions."""

import copy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits

from gradexp import MLPClassifier, Result, run
from tests.run_folder import checkpoint

SHORT = ("figures=false", "model.hidden=[8]")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run whose best epoch is not the last one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        return run(*SHORT, "optimizer.lr=0.1", "model.dropout=0.5", "trainer.max_epochs=6", predictions=True)


def test_the_module_has_the_weights_that_were_tested(trained: Result) -> None:
    assert trained.metrics["best/epoch"] < trained.metrics["epochs"], "else the last weights are the best"
    best = checkpoint(trained.folder, "best")["state_dict"]
    assert isinstance(trained.module, MLPClassifier)
    assert all(torch.equal(tensor, best[name]) for name, tensor in trained.module.state_dict().items())
    assert not trained.module.training
    copied = copy.deepcopy(trained.module)  # with a Trainer attached, its data would be copied too
    with pytest.raises(RuntimeError, match="not attached to a `Trainer`"):
        _ = copied.trainer


def test_predictions_on_request_are_of_the_tested_weights(trained: Result) -> None:
    assert trained.predictions is not None
    each = [f"probability_{digit}" for digit in range(10)]
    assert trained.predictions.columns == ["sample", "true_class", "class", "probability", *each]
    right = trained.predictions["class"].to_numpy() == load_digits().target[4::5].astype(str)
    assert np.mean(right) == pytest.approx(trained.metrics["test/accuracy"])
    assert not (trained.folder / "predictions.csv").exists()


def test_the_task_predict_returns_the_rows_of_its_file(
    trained: Result, capsys: pytest.CaptureFixture[str], own_folder: Path
) -> None:
    best = trained.folder / "checkpoints" / "best.ckpt"
    predicted = run("task=predict", f"ckpt_path={best}", "hydra.run.dir=out")
    assert predicted.predictions is not None
    assert trained.predictions is not None
    assert predicted.predictions.equals(trained.predictions)
    written = pl.read_csv(own_folder / "out" / "predictions.csv", schema_overrides=predicted.predictions.schema)
    assert written.equals(predicted.predictions)
    assert capsys.readouterr().out == "", "the table is the command line's"


def test_a_diverged_run_has_neither() -> None:
    result = run(*SHORT, "loss=default", "optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=1", predictions=True)
    assert result.metrics["status"] == "diverged"
    assert result.module is None
    assert result.predictions is None


def test_data_without_a_test_part_is_trained_all_the_same() -> None:
    result = run("+experiment=saddle", "figures=false", "trainer.max_steps=2", predictions=True)
    assert result.predictions is None
    assert result.module is not None
    assert "nothing is predicted: the data has no test part" in result.notes


def test_nothing_is_predicted_unless_it_is_asked_for() -> None:
    result = run("trainer.max_steps=2", "test=false", *SHORT)
    assert result.predictions is None
    assert result.module is not None
