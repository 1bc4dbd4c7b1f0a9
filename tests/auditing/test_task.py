"""task=audit, with an experiment and with a checkpoint."""

import json
from pathlib import Path

import pytest

from gradexp import run
from tests.command_line import call


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")


def audited(folder: str = "audit") -> dict[str, bool | None]:
    content = json.loads(Path(folder, "audit.json").read_text())
    assert content["passed"] is all(check["passed"] is not False for check in content["checks"])
    return {check["name"]: check["passed"] for check in content["checks"]}


def test_default_experiment_passes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "task=audit", "hydra.run.dir=audit") is None
    checks = audited()
    assert checks["gradient of network.linear_1.weight"] is True
    assert checks["learns a few samples by heart"] is True
    out = capsys.readouterr().out
    assert all(name in out for name in checks)
    metrics = json.loads(Path("audit/metrics.json").read_text())
    assert (metrics["status"], metrics["checks"], metrics["checks/failed"]) == ("completed", len(checks), 0)


def test_relu_on_the_logits_exits_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "task=audit", "model.output_activation=relu", "hydra.run.dir=audit") == 1
    assert audited()["logits are free"] is False
    assert "take the ReLU off the last layer" in " ".join(capsys.readouterr().out.split())


def test_checkpoint_is_audited_as_a_trained_model() -> None:
    trained = run("trainer.max_epochs=2", "model.hidden=[16]", "figures=false", "test=false")
    result = run("task=audit", f"ckpt_path={trained.folder}/checkpoints/best.ckpt", "hydra.run.dir=audit")
    assert result.metrics["checks/failed"] == 0
    assert audited()["loss at the start"] is None


@pytest.mark.parametrize(
    "experiment", ["linear_regression", "logistic_regression", "perceptron", "diabetes", "xor", "rosenblatt"]
)
def test_experiment_passes(experiment: str) -> None:
    result = run("task=audit", f"+experiment={experiment}", "hydra.run.dir=audit")
    failed = [name for name, passed in audited().items() if passed is False]
    assert failed == [], (Path("audit/audit.json").read_text(), result.notes)


def test_a_function_without_samples_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "data must have samples for task=audit" in str(call(monkeypatch, "task=audit", "+experiment=himmelblau"))
