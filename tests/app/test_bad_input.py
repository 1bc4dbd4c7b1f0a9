"""Every bad input gets one message: the argument, the rule, the value received, what would be right."""

import pickle
from pathlib import Path

import pytest
import torch

from tests.command_line import call

OPTIMIZERS = "adagrad, adam, adamw, lbfgs, momentum, nesterov, rmsprop, sgd"
TRAINED = ("trainer.max_epochs=1", "test=false", "figures=false", "hydra.run.dir=run")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+experiment=mnits", ["experiment has no option mnits", "Did you mean mnist?", "digits"]),
        ("optimizer=adm", ["optimizer has no option adm", f"Options of optimizer: {OPTIMIZERS}"]),
        ("optimizer.name=SGD", ["optimizer.name is now called optimizer._target_"]),
        ("optimizer._target_=torch.optim.Admw", ["optimizer._target_ must name an optimizer", "Did you mean AdamW?"]),
        ("model=perceptron", ["model=perceptron is now called model=sigmoid_units"]),
        ("data.passes=3", ["data.passes is now called data.repeat"]),
        ("+case=lasso_mlp", ["case is now called problem"]),
        ("+optimizer.momentun=1", ["optimizer.momentun is not an argument of Adam", "betas"]),
        ("model.activation=rleu", ["model.activation must be one of relu,", "'rleu'", "Did you mean relu?"]),
        ("model.output_activation=x", ["model.output_activation must be one of relu, log_softmax, or null", "'x'"]),
        ("model.init=x", ["model.init must be one of default, lecun_normal", "'x'"]),
        ("model.hidden=[10,0]", ["model.hidden must be a list of layer widths", "[10, 0]"]),
        ("model.dropout=1", ["model.dropout must be a number from 0 to below 1; got 1"]),
        ("optimizer.lrr=1", ["optimizer.lrr is not an argument", "Did you mean lr?", "betas"]),
        ("optimizer.lr=0", ["optimizer.lr must be a finite number above 0; got 0"]),
        ("optimizer.lr=nan", ["optimizer.lr must be a finite number above 0; got nan"]),
        ("data.batch_size=0", ["data.batch_size must be a whole number of at least 1, or null; got 0"]),
        ("data.batch_size=-5", ["data.batch_size", "got -5"]),
        ("data.batch_size=99999", ["data.batch_size must be at most 1238, the number of training samples", "99999"]),
        ("data.val_size=5000", ["data.val_size must leave samples to train on: below 1438", "5000"]),
        ("data.val_size=1.5", ["data.val_size must be a whole number of samples", "1.5"]),
        ("regularizer.l1=-1", ["regularizer.l1 must be a finite number of at least 0; got -1"]),
        ("regularizer.l2=inf", ["regularizer.l2", "got inf"]),
        ("trainer.max_epochs=0", ["trainer.max_epochs must be a whole number of at least 1, or -1", "got 0"]),
        ("trainer.max_epochs=-1", ["trainer.max_epochs and trainer.max_steps must not both be -1"]),
        ("trainer.precision=8-bit", ["8-bit"]),
        ("optimizer.betas=[0.9]", ["optimizer.betas must be a list", "got [0.9]"]),
        ("trainer.accelerator=abacus", ["abacus"]),
        ("+trainer.no_such=1", ["trainer.no_such is not an argument of Trainer"]),
        ("name=a/b", ["name must be letters, digits", "'a/b'"]),
        ("seed=-1", ["seed must be a whole number of at least 0; got -1"]),
        ("task=tset", ["task must be one of train, test, predict", "'tset'", "Did you mean test?"]),
        ("task=test", ["ckpt_path must be a checkpoint for task=test; got null"]),
        ("monitor=accuracy", ["monitor must be a metric of training or validation", "'accuracy'"]),
        (
            "monitor=val/acc",
            ["monitor must be a metric that the run logs", "got 'val/acc'", "Did you mean val/accuracy?"],
        ),
        ("data._target_=os.system", ["data._target_ must name a class in a trusted package (gradexp); got os.system"]),
        (
            "optimizer._target_=${nope}",
            ["optimizer._target_ must have interpolations", "got ${nope} (Interpolation key"],
        ),
        ("data._target_=gradexp.data.MNITS", ["Did you mean MNIST?"]),
        ("ckpt_path=none.ckpt", ["ckpt_path must be a checkpoint file; there is no none.ckpt"]),
        ("hydra.run.dir=/dev/null/run", ["/dev/null/run", "hydra.run.dir=FOLDER selects another one"]),
        ("data.path=t[1].csv", ["data.path must be a value that Hydra can read", "\"data.path='t[1].csv'\""]),
        ("data=mnist", ["MNIST is not in", "data_dir=FOLDER", "+experiment=digits"]),
    ],
)
def test_a_bad_value_gets_one_message_with_its_rule(
    override: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No test contacts a real host: the only mirror is a closed local port.
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["http://127.0.0.1:9/"])
    message = call(monkeypatch, override, "trainer.max_epochs=1" if "max_epochs" not in override else "test=false")
    assert isinstance(message, str), "a message, which makes the exit status 1"
    for word in words:
        assert word in message
    assert message.count("error:") == 1
    assert "Traceback" not in message + capsys.readouterr().err


def test_an_error_in_the_configuration_writes_no_files(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "optimizer.lr must be" in str(call(monkeypatch, "optimizer.lr=-1"))
    assert "optimizer.lr must be" in str(call(monkeypatch, "-m", "optimizer.lr=-1"))
    assert list(own_folder.iterdir()) == []


def test_the_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADEXP_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="must be at most 1238"):
        call(monkeypatch, "data.batch_size=99999")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("executed"),)  # type: ignore[return-value]


@pytest.mark.parametrize("task", ["train", "test", "predict"])
def test_a_file_that_is_not_a_checkpoint_is_refused(
    task: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, *TRAINED) is None
    whole = Path("run/checkpoints/last.ckpt").read_bytes()
    Path("truncated.ckpt").write_bytes(whole[: len(whole) // 2])
    Path("text.ckpt").write_text("no checkpoint")
    torch.save({"weights": torch.zeros(2)}, "foreign.ckpt")
    Path("malicious.ckpt").write_bytes(pickle.dumps(Malicious()))
    torch.save({"state_dict": Malicious()}, "malicious_torch.ckpt")
    for name, words in {
        "truncated": "truncated or of another kind",
        "text": "was not loaded",
        "foreign": "lacks state_dict, config, global_step",
        "malicious": "was not loaded",
        "malicious_torch": "was not loaded",
    }.items():
        message = str(call(monkeypatch, f"task={task}", f"ckpt_path={name}.ckpt"))
        assert words in message, name
    assert not Path("executed").exists()


def test_a_checkpoint_of_another_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *TRAINED) is None
    message = call(monkeypatch, "task=test", "ckpt_path=run/checkpoints/last.ckpt", "model.hidden=[5]")
    assert "another architecture" in str(message)
    assert "network.linear_1.weight is (200, 64) in the file and (5, 64) in the model" in str(message)


def test_an_input_that_is_not_an_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, *TRAINED) is None
    Path("note.png").write_text("no image")
    Path("empty").mkdir()
    for path, words in {
        "note.png": "note.png cannot be read as one",
        "empty": "empty has none",
        "nowhere.png": "there is no nowhere.png",
    }.items():
        message = call(monkeypatch, "task=predict", "ckpt_path=run/checkpoints/last.ckpt", f"input={path}")
        assert words in str(message)


def test_a_failed_attempt_to_resume_keeps_the_finished_runs_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "scheduler=cosine", *TRAINED) is None
    before = Path("run/metrics.json").read_text()
    message = call(monkeypatch, "ckpt_path=run/checkpoints/last.ckpt", "trainer.max_epochs=2")
    assert "trainer.max_epochs must stay 1 when a run is resumed, because CosineAnnealingLR" in str(message)
    assert Path("run/metrics.json").read_text() == before


def test_a_diverged_run_ends_with_the_step_the_layer_and_the_last_good_checkpoint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = call(monkeypatch, "optimizer=sgd", "optimizer.lr=1e6", "trainer.max_epochs=3", *TRAINED[1:])
    assert status == 1
    printed = capsys.readouterr().out
    assert "diverged: at step" in printed
    assert "layer 'output'" in printed
    weights = torch.load("run/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert '"status": "diverged"' in Path("run/metrics.json").read_text()
