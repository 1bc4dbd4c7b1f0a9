"""Half and double precision: figures, callbacks and metrics of whole runs, and the two conversions."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from gradexp import LinearRegression, run
from gradexp.engine.precision import at_least_single, inputs_for
from gradexp.reports import descent_report

KINDS = {
    "images": ("trainer.max_epochs=1", "+callbacks=diagnostics", "callbacks.diagnostics.every_n_steps=20"),
    "one logit": ("+experiment=logistic_regression", "data=blobs", "trainer.max_epochs=2"),
    "regression": ("+experiment=linear_regression", "data.repeat=50", "trainer.max_epochs=2"),
    "descent": ("+experiment=rosenbrock", "trainer.max_steps=20"),
}
FIGURES = {
    "images": "test_most_wrong.png",
    "one logit": "accuracy_and_loss.png",
    "regression": "fit.png",
    "descent": "path.png",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_all_figures_and_metrics_are_there_in_any_precision(
    kind: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent_report, "GRID", 40)  # figures of the default size take seconds
    monkeypatch.setattr(descent_report, "STARTS", 20)
    found = []
    for precision in ("64-true", "bf16-true"):
        result = run(*KINDS[kind], f"trainer.precision={precision}", "figures=true", f"hydra.run.dir={precision}")
        assert result.metrics["status"] == "completed"
        assert math.isfinite(result.metrics["train/loss"])
        found.append({path.name for path in (result.folder / "figures").iterdir()})
    assert found[0] == found[1]
    assert FIGURES[kind] in found[0]


def test_metrics_of_half_precision_outputs_are_those_of_the_same_numbers_in_single_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(353, 1, generator=generator).bfloat16()  # bfloat16 has no number 353
    outputs = (targets + 0.1 * torch.randn(353, 1, generator=generator)).bfloat16()
    values = []
    for batch in ((outputs, targets), (outputs.float(), targets.float())):
        metrics = LinearRegression(2).val_metrics
        metrics.update(*batch, loss=torch.tensor(0.5))
        values.append(metrics.compute())
    assert values[0] == values[1]
    assert values[0]["val/r2"] > 0.9


def test_inputs_get_the_type_of_real_parameters_and_keep_that_of_numbers_of_tokens() -> None:
    layer = nn.Linear(2, 1).bfloat16()
    assert inputs_for(layer, torch.ones(3, 2)).dtype == torch.bfloat16
    assert inputs_for(layer, torch.ones(3, 2, dtype=torch.long)).dtype == torch.long
    assert inputs_for(nn.ReLU(), torch.ones(3, 2)).dtype == torch.float32


def test_single_precision_is_the_least() -> None:
    types = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.long)
    after = [at_least_single(torch.ones(1, dtype=each)).dtype for each in types]
    assert after == [torch.float32, torch.float32, torch.float32, torch.float64, torch.long]
