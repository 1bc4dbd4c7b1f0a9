"""A checkpoint of a stranger, or one that is damaged inside: one message with its path; nothing of it is executed."""

import copy
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gradexp import run
from gradexp.engine.checkpoint_file import AtomicCheckpointIO
from tests.command_line import call

QUICK = ("trainer.max_epochs=1", "model.hidden=[4]", "figures=false", "test=false", "progress=false")
LAST = "checkpoints/last.ckpt"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a schedule and a plain optimizer."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run(*QUICK, "scheduler=plateau", "early_stopping.patience=3", f"hydra.run.dir={folder}")
    return folder


@pytest.fixture
def stranger(trained: Path, own_folder: Path) -> Path:
    shutil.copytree(trained, own_folder / "stranger")
    return own_folder / "stranger"


def rewrite(folder: Path, change: Change) -> str:
    """Change the content of last.ckpt; returns its path."""
    content = copy.deepcopy(torch.load(folder / LAST, weights_only=True))
    change(content)
    AtomicCheckpointIO().save_checkpoint(content, folder / LAST)
    return str(folder / LAST)


def put(*path: Any, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        node: Any = content
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


ADAM = ("optimizer_states", 0)
BROKEN: dict[str, tuple[Change, str]] = {
    "no optimizer": (lambda c: c["optimizer_states"].clear(), "optimizer_states.param_groups has 0 parts, not 1"),
    "no optimizers": (lambda c: c.pop("optimizer_states"), "optimizer_states"),
    "no state": (lambda c: c["optimizer_states"][0].pop("state"), "state"),
    "shape": (put(*ADAM, "state", 0, "exp_avg", value=torch.ones(7)), "exp_avg is [7], its parameter [4, 64]"),
    "no moment": (lambda c: c["optimizer_states"][0]["state"][1].pop("exp_avg_sq"), "lacks exp_avg_sq"),
    "rate": (put(*ADAM, "param_groups", 0, "lr", value="fast"), "param_groups.0.0.lr is 'fast', not a number"),
    "flag": (put(*ADAM, "param_groups", 0, "amsgrad", value=-1), "param_groups.0.0.amsgrad is -1"),
    "no loops": (lambda c: c.pop("loops"), "loops"),
    "counter": (put("loops", "fit_loop", "epoch_progress", "total", "ready", value=-3), "ready is -3, not a count"),
    "method": (put("loops", "fit_loop", "epoch_progress", "total", "increment_ready", value=3), "has increment_ready"),
    "schedule": (put("lr_schedulers", 0, "num_bad_epochs", value=[1]), "num_bad_epochs is [1], not a number"),
    "step of a schedule": (put("lr_schedulers", 0, "step", value=3), "step has the name of a method"),
    "callback": (lambda c: c["callbacks"]["Checkpoints"]["best"].update(score="x"), "best.score is 'x'"),
    "callback's part": (lambda c: c["callbacks"]["Checkpoints"].update(best=[1]), "best is [1]"),
    "Lightning's callback": (lambda c: _early_stopping(c).update(wait_count="x"), "wait_count is 'x', not a number"),
    "mean of the data": (put("Digits", "preprocessing", "mean", value="x"), "mean is 'x'"),
    "position in the data": (put("Digits", "position", value=[2]), "position is [2]"),
    "version": (put("pytorch-lightning_version", value="new"), "new"),
    "progress": (put("batches_begun", "unknown", value=3), "unknown"),
}  # fmt: skip


def _early_stopping(content: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = next(state for name, state in content["callbacks"].items() if "EarlyStopping" in name)
    return state


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_part_is_refused_with_the_path_as_a_fit_resumes(change: Change, words: str, stranger: Path) -> None:
    path = rewrite(stranger, change)
    with pytest.raises(ValueError, match="ckpt_path must be a checkpoint that gradexp wrote whole; ") as caught:
        run(f"ckpt_path={path}", "trainer.max_epochs=2", "test=false", "figures=false")
    assert f"{path} is none (" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


SECRET = "${oc.env:GRADEXP_SECRET}"
CONFIGS: dict[str, tuple[Change, str]] = {
    "trainer": (put("config", "trainer", value=3), "trainer must be a section of keys and values; got 3"),
    "missing": (lambda c: c["config"]["trainer"].pop("max_epochs"), "trainer.max_epochs must be"),
    "optimizer": (put("config", "optimizer", value=["a"]), "optimizer must be a section of keys and values; got ['a']"),
    "value": (put("config", "optimizer", "lr", value="x"), "optimizer.lr must be "),
    "class": (put("config", "model", "_target_", value=["a"]), "model._target_ must be the dotted path"),
    "name": (put("config", "name", value="../../evil"), "name must be letters"),
    "dots": (put("config", "name", value=".."), "name must be letters"),
    "augmentation": (put("config", "augmentation", value=3.5), "augmentation must be a section"),
    "environment": (put("config", "data", "batch_size", value=SECRET), "data.batch_size has an interpolation"),
    "decoded": (put("config", "model", "hidden", value=[f"${{oc.decode:{SECRET}}}"]), "model.hidden.0 has"),
    "date": (put("config", "data", "mirror", value=f"http://x/${{now:%Y}}/{SECRET}"), "data.mirror has"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CONFIGS.values(), ids=CONFIGS)
def test_a_broken_configuration_is_refused_with_the_path_and_resolves_nothing(
    change: Change, words: str, stranger: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADEXP_SECRET", "hunter2")
    path = rewrite(stranger, change)
    message = str(call(monkeypatch, "task=test", f"ckpt_path={path}", "hydra.run.dir=tested"))
    assert message.startswith("error: ")
    assert words in message
    assert path in message
    assert "hunter2" not in message + "".join(capfd.readouterr())
    assert not [path for path in Path().rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_what_the_user_types_is_interpolated(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLES", "7")
    typed = (f"ckpt_path={stranger / LAST}", "data.eval_batch_size='${oc.decode:${oc.env:SAMPLES}}'")
    assert run("task=test", *typed, "hydra.run.dir=tested").metrics["status"] == "completed"
    assert yaml.safe_load(Path("tested/.hydra/config.yaml").read_text())["data"]["eval_batch_size"] == 7


def test_a_mirror_comes_from_the_command_line_alone(stranger: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["config"]["data"] = {"_target_": "gradexp.data.MNIST", "mirror": "http://127.0.0.1:9/stolen"}
        content["config"]["hydra"] = {"callbacks": {"evil": {"_target_": "evil.Evil"}}}

    path = rewrite(stranger, change)
    with pytest.raises(ValueError, match=r"must be .*") as caught:
        run("task=test", f"ckpt_path={path}", "hydra.run.dir=tested", "data.mirror=typed")
    assert str(caught.value).startswith("data.mirror must be a URL or a folder; there is no folder")
    assert "stolen" not in str(caught.value)


CSV, CHECKPOINT = "lightning.pytorch.loggers.CSVLogger", "lightning.pytorch.callbacks.ModelCheckpoint"
PLACES: dict[str, tuple[str, dict[str, Any], str]] = {
    # The section, what a checkpoint has in it, and what the message says to type.
    "folder": ("logger", {"_target_": CSV, "save_dir": "outside", "version": ""}, "+logger.x.save_dir=outside"),
    "name": ("logger", {"_target_": CSV, "name": "../../x"}, "+logger.x.name=../../x"),
    "callback": ("callbacks", {"_target_": CHECKPOINT, "dirpath": "/a b", "every_n_epochs": 1, "monitor": "val/loss"},
                 "+callbacks.x.dirpath='/a b'"),
}  # fmt: skip


@pytest.mark.parametrize("task", ["test", "train"])
@pytest.mark.parametrize(("section", "content", "words"), PLACES.values(), ids=PLACES)
def test_a_place_that_a_checkpoint_names_must_be_typed(
    section: str, content: dict[str, Any], words: str, task: str, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rewrite(stranger, put("config", section, value={"x": content}))
    before = sorted(Path().rglob("*"))
    setting = "trainer.max_epochs=2" if task == "train" else "progress=false"
    message = str(call(monkeypatch, f"task={task}", f"ckpt_path={path}", setting))
    key, _, value = words.lstrip("+").partition("=")
    assert message.startswith(f"error: {key} must be typed, as it may name a place to write to")
    assert value.strip("'") in message
    command = shlex.split(message.partition("type: ")[2].partition(" (What was not")[0])
    assert command[:6] == ["python", "-m", "gradexp", f"task={task}", f"ckpt_path={path}", setting]
    assert command[6] == words
    assert sorted(path for path in Path().rglob("*") if path.parts[0] != "outputs") == before  # of the test itself


def test_a_place_that_is_typed_again_is_written_to(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other arguments of loggers and callbacks are taken from the checkpoint."""

    def change(content: dict[str, Any]) -> None:
        content["config"]["logger"] = {"x": {"_target_": CSV, "save_dir": "outside", "name": "plain", "version": ""}}
        content["config"]["callbacks"] = {"y": {"_target_": CHECKPOINT, "monitor": "val/loss", "filename": "best"}}

    path = rewrite(stranger, change)
    message = str(call(monkeypatch, "task=test", f"ckpt_path={path}", "hydra.run.dir=tested", "figures=false"))
    command = shlex.split(message.partition("type: ")[2].partition(" (What was not")[0])
    assert call(monkeypatch, *command[3:]) is None
    assert Path("outside/plain/metrics.csv").is_file()


def test_the_message_for_untrusted_classes_is_a_command_that_works(
    trained: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All packages are named at once, and nothing is imported before it was typed."""
    for name in ("first_package", "second_package"):
        Path(f"{name}.py").write_text(
            "from pathlib import Path\nfrom lightning.pytorch import Callback\n"
            f"class Idle(Callback): takes_groups = True\nPath('imported_{name}').touch()\n"
        )
    monkeypatch.syspath_prepend(str(own_folder))
    folder = own_folder / "with space, and comma"
    shutil.copytree(trained, folder)

    def change(content: dict[str, Any]) -> None:
        content["config"]["callbacks"] = {
            "one": {"_target_": "first_package.Idle"}, "two": {"_target_": "second_package.Idle"},
        }  # fmt: skip
        content["config"]["trusted_packages"] = ["gradexp", "first_package", "second_package"]

    path = rewrite(folder, change)
    message = str(call(monkeypatch, "task=test", f"ckpt_path='{path}'", "hydra.run.dir=tested"))
    assert "callbacks.one._target_=first_package.Idle, callbacks.two._target_=second_package.Idle" in message
    assert not list(Path().glob("imported_*"))
    command = shlex.split(message.partition("type: ")[2])
    assert command[:3] == ["python", "-m", "gradexp"]
    assert command[-1] == "trusted_packages=[gradexp,first_package,second_package]"
    assert call(monkeypatch, *command[3:]) is None
    assert {path.name for path in Path().glob("imported_*")} == {"imported_first_package", "imported_second_package"}
    for name in ("first_package", "second_package"):
        sys.modules.pop(name, None)


def test_a_model_too_large_for_the_memory_is_named_with_its_checkpoint(
    stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rewrite(stranger, put("config", "model", "hidden", value=[10**15]))
    message = str(call(monkeypatch, "task=test", f"ckpt_path={path}", "hydra.run.dir=tested"))
    assert message.startswith("error: model.hidden, data.batch_size, ")
    assert "Got model.hidden=[1000000000000000], data.batch_size=32" in message
    assert message.endswith(f"what was not typed of these is from {path}.")


def test_weights_that_are_not_finite_are_said(stranger: Path) -> None:
    path = rewrite(stranger, lambda c: c["state_dict"]["network.linear_1.weight"][0].fill_(float("nan")))
    notes = run("task=test", f"ckpt_path={path}", "hydra.run.dir=tested", "figures=false").notes
    assert "the checkpoint has weights that are not finite: network.linear_1.weight (64 of 256)" in notes


@pytest.mark.parametrize("link", ["gradexp.log", "tensorboard", "checkpoints/best.ckpt", ".hydra/config.yaml"])
def test_a_run_is_not_resumed_through_a_link_out_of_its_folder(
    link: str, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = Path("outside").absolute()
    shutil.move(stranger / link, outside)
    (stranger / link).symlink_to(outside)
    before = {path: path.stat().st_mtime_ns for path in (outside, *outside.rglob("*"))}
    typed = (f"ckpt_path={stranger / LAST}", "trainer.max_epochs=2")
    assert f"{stranger / link} is a link to {outside}" in str(call(monkeypatch, *typed))
    with pytest.raises(ValueError, match="is a link to"):
        run(*typed)
    assert {path: path.stat().st_mtime_ns for path in (outside, *outside.rglob("*"))} == before
    assert os.path.lexists(stranger / link)
