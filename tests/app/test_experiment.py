"""Complete runs: their files, their output, and agreement between the tasks."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from gradexp import MLPClassifier, Result, run
from tests.command_line import call
from tests.run_folder import events

pytestmark = pytest.mark.slow

SHORT = ("trainer.max_epochs=3", "trainer.log_every_n_steps=10")


def predictions(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader((result.folder / "predictions.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """One run that several tests read and do not change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        return run("+experiment=digits", "optimizer.lr=0.02", "regularizer=l2", *SHORT)


def test_a_run_writes_the_files_that_the_readme_lists(trained: Result) -> None:
    result = trained
    assert re.fullmatch(
        r"trained\d+/outputs/digits/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-[a-z]{4}",
        str(result.folder.relative_to(result.folder.parents[3])),
    )
    written = {str(path.relative_to(result.folder)) for path in result.folder.rglob("*") if path.is_file()}
    assert {name for name in written if not name.startswith("tensorboard/")} == {
        ".hydra/config.yaml",
        ".hydra/hydra.yaml",
        ".hydra/overrides.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "figures/loss_curve.png",
        "figures/test_confusion_matrix.png",
        "figures/test_most_wrong.png",
        "figures/weights_first_layer.png",
        "gradexp.log",
        "metrics.json",
        "test_correct.json",
    }
    assert all("tfevents" in name for name in written if name.startswith("tensorboard/"))
    metrics = json.loads((result.folder / "metrics.json").read_text())
    assert metrics == result.metrics
    assert metrics["status"] == "completed"
    assert (metrics["data"], metrics["epochs"], metrics["steps"]) == ("Digits", 3, 3 * 39)
    for name in ("train/loss", "train/objective", "train/penalty", "train/accuracy", "val/loss", "val/accuracy", "lr"):
        assert isinstance(metrics[name], float)
    assert metrics["seconds/fit"] > 0


def test_the_test_metrics_are_computed_with_the_best_checkpoint(trained: Result) -> None:
    result = trained
    model = MLPClassifier.load_from_checkpoint(result.folder / "checkpoints" / "best.ckpt", weights_only=True).eval()
    digits = load_digits()
    is_test = np.arange(len(digits.target)) % 5 == 4
    state = torch.load(result.folder / "checkpoints" / "best.ckpt", weights_only=True)["Digits"]["preprocessing"]
    inputs = torch.tensor((digits.images[is_test] - state["mean"]) / state["std"], dtype=torch.float32)
    with torch.no_grad():
        logits = model(inputs).double().numpy()
    assert result.metrics["test/accuracy"] == pytest.approx((logits.argmax(1) == digits.target[is_test]).mean())
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert result.metrics["test/loss"] == pytest.approx(
        -log_p[np.arange(is_test.sum()), digits.target[is_test]].mean(), rel=1e-5
    )


def test_the_same_seed_gives_the_same_weights_and_zero_is_a_seed() -> None:
    first, again, other = (
        run(
            "trainer.max_epochs=1",
            "model.dropout=0.2",
            "test=false",
            "figures=false",
            f"seed={seed}",
            f"hydra.run.dir={n}",
        )
        for n, seed in enumerate((0, 0, 1))
    )
    weights = [
        torch.load(r.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for r in (first, again, other)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["network.output.weight"], weights[2]["network.output.weight"])
    assert first.metrics["config_hash"] == again.metrics["config_hash"] != other.metrics["config_hash"]


def test_a_checkpoint_is_plain_data_with_the_config_inside(trained: Result) -> None:
    checkpoint = torch.load(trained.folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["config"]["optimizer"]["lr"] == 0.02
    assert checkpoint["config"]["name"] == "digits"


def test_tensorboard_has_curves_figures_and_the_hparams_tab(trained: Result) -> None:
    log = events(trained.folder)
    tags = log.Tags()
    assert {
        "train/loss",
        "train/objective",
        "train/penalty",
        "train/accuracy",
        "train/lr",
        "train/samples_per_second",
    } <= set(tags["scalars"])
    assert [event.step for event in log.Scalars("val/accuracy")] == [39, 78, 117]
    assert [event.step for event in log.Scalars("train/lr")][:3] == [10, 20, 30]
    test_images = {"test/confusion_matrix", "test/most_wrong", "weights/first_layer"}
    assert set(tags["images"]) == {f"figures/{name}" for name in {"samples", "loss_curve"} | test_images}
    others = {"config/text_summary", "results/text_summary", "custom_scalars__config__"}
    assert {f"test/precision_recall/{digit}" for digit in range(10)} | others == set(tags["tensors"])
    single = {tag for tag in tags["scalars"] if len(log.Scalars(tag)) == 1}
    assert single == {"best/val/accuracy", "test/accuracy", "test/loss"}, "other numbers are no curves"
    results = log.Tensors("results/text_summary")[0].tensor_proto.string_val[0].decode()
    assert f"| best/train/loss | {trained.metrics['best/train/loss']:.6g} |" in results
    assert tags["graph"]
    content = log.summary_metadata
    hparams = {
        plugin for tag in content for plugin in [content[tag].plugin_data.plugin_name] if tag.startswith("_hparams_")
    }
    assert hparams == {"hparams"}
    for name in ("val/accuracy", "best/val/accuracy", "test/accuracy"):
        assert log.Scalars(name)[-1].value == pytest.approx(trained.metrics[name])


def test_a_checkpoint_suffices_to_test_and_predict(trained: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained.folder.parents[2])
    best = trained.folder / "checkpoints" / "best.ckpt"
    tested = run("task=test", f"ckpt_path={best}", "figures=false")
    for name in ("test/loss", "test/accuracy"):
        assert tested.metrics[name] == trained.metrics[name]
    assert tested.folder.parent == trained.folder.parent, "beside the folder of the tested run"
    predicted = run("task=predict", f"ckpt_path={best}")
    rows = predictions(predicted)
    targets = load_digits().target[4::5]
    assert len(rows) == len(targets)
    accuracy = np.mean([row["class"] == str(target) for row, target in zip(rows, targets, strict=True)])
    assert accuracy == pytest.approx(trained.metrics["test/accuracy"])


def test_image_files_get_the_predictions_of_the_same_test_images(trained: Result) -> None:
    best = trained.folder / "checkpoints" / "best.ckpt"
    rows = predictions(run("task=predict", f"ckpt_path={best}"))
    Path("scans").mkdir()
    for number, image in enumerate(load_digits().images[4:200:5]):
        ink_on_paper = 255 - np.round(image * 255 / 16).astype(np.uint8)
        Image.fromarray(ink_on_paper if number % 2 else 255 - ink_on_paper).save(f"scans/{number:03}.png")
    scanned = run("task=predict", f"ckpt_path={best}", "input=scans")
    read = predictions(scanned)
    assert [row["class"] for row in read] == [row["class"] for row in rows[: len(read)]]
    assert [row["file"] for row in read] == [f"scans/{number:03}.png" for number in range(40)]
    one = run("task=predict", f"ckpt_path={best}", "input=scans/000.png")
    assert one.metrics["predictions"] == 1


def test_the_summary_ends_with_the_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, *SHORT) is None
    out, err = capsys.readouterr()
    lines = out.strip().splitlines()
    assert lines[0].split() == ["status", "completed"]
    assert re.fullmatch(r"folder: outputs/default/\S+", lines[-1])
    assert "Digits (1,238 training, 200 validation, 359 test samples)" in out
    assert err == "", "no warning, and no progress bar in a pipe"


def test_the_summary_of_predicted_files_counts_no_samples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "trainer.max_epochs=1", "test=false", "figures=false", "hydra.run.dir=run") is None
    Image.new("L", (60, 40), 255).save("blank.jpg")
    capsys.readouterr()
    assert call(monkeypatch, "task=predict", "ckpt_path=run/checkpoints/best.ckpt", "input=blank.jpg") is None
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "data        Digits" in lines


def test_a_multirun_runs_every_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "-m", "trainer.max_epochs=1", "figures=false", "optimizer=sgd,adam", "seed=0,1") is None
    (sweep,) = Path("outputs/sweeps/default").iterdir()
    metrics = [json.loads((sweep / str(job) / "metrics.json").read_text()) for job in range(4)]
    assert len({m["config_hash"] for m in metrics}) == 4


def test_a_job_that_breaks_a_rule_is_refused_before_any_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, "-m", "trainer.max_epochs=1", "figures=false", "optimizer.lr=-1,0.01")
    assert "optimizer.lr must be a finite number above 0; got -1" in str(message)
    assert not Path("outputs").exists()


def test_without_a_validation_part_the_training_metric_is_monitored() -> None:
    result = run("data.val_size=0", "trainer.max_epochs=2", "figures=false", "early_stopping.patience=5")
    assert result.metrics["monitor"] == "train/accuracy"
    # The mean of the epoch counts its first steps, too.
    assert result.metrics["best/train/accuracy"] > result.metrics["train/accuracy"]
    assert "monitor is train/accuracy" in result.notes[0]


def test_early_stopping_ends_a_fit_that_no_longer_improves() -> None:
    result = run(
        "optimizer.lr=1e-9", "early_stopping.patience=2", "trainer.max_epochs=50", "figures=false", "test=false"
    )
    assert result.metrics["epochs"] == 3


@pytest.mark.parametrize(
    "override",
    [
        "optimizer=lbfgs",
        "trainer.gradient_clip_val=0.1",
        "trainer.precision=bf16-mixed",
        "trainer.accumulate_grad_batches=2",
        "augmentation=affine",
        "data.memory_limit=0",
        "data.batch_size=null",
        "scheduler=plateau",
    ],
)
def test_a_component_is_replaced_from_the_command_line(override: str) -> None:
    result = run(override, "trainer.max_epochs=1", "figures=false", "test=false")
    assert result.metrics["status"] == "completed"
    assert result.metrics["val/loss"] < np.log(10), "better than guessing after one epoch"


def test_real_mnist_is_learned_in_one_epoch(mnist_data_dir: Path) -> None:
    result = run("+experiment=mnist", f"data_dir={mnist_data_dir}", "trainer.max_epochs=1", "figures=false")
    assert result.metrics["data"] == "MNIST"
    assert (result.metrics["samples/train"], result.metrics["samples/val"]) == (55_000, 5_000)
    assert result.metrics["samples/test"] == 10_000
    assert result.metrics["test/accuracy"] > 0.95
