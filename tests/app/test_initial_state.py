"""Transfer: a fit that begins with the weights of a checkpoint and freezes layers, alone, resumed and swept."""

import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from gradexp import Result, run, sweep
from gradexp.app.composition import compose
from gradexp.configuration.check import check_config
from gradexp.configuration.values import plain
from tests.run_folder import assert_same, checkpoint

BASE = (
    "data=blobs", "data.num_samples=60", "data.batch_size=16", "model=small_mlp", "optimizer=adamw", "figures=false",
    "optimizer.weight_decay=0.1", "regularizer.l2=1e-3", "trainer.accelerator=cpu", "test=false",
)  # fmt: skip
THREE = (*BASE, "data.num_classes=3", "trainer.max_epochs=2")
LAYERS = ("network.linear_1.weight", "network.linear_1.bias")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two classes."""
    folder = tmp_path_factory.mktemp("source")
    run(*BASE, "trainer.max_epochs=1", "seed=9", f"hydra.run.dir={folder}")
    return folder / "checkpoints" / "last.ckpt"


def weights(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def test_a_transferred_fit_resumes_bit_for_bit_without_its_source(source: Path, own_folder: Path) -> None:
    copied = own_folder / "source.ckpt"
    shutil.copy(source, copied)
    transfer = (*THREE, f"init_from={copied}", "freeze=[linear_1]")
    whole = run(*transfer, "trainer.max_epochs=3", "hydra.run.dir=whole")
    taken, left, frozen = whole.notes[-3:] if len(whole.notes) == 3 else whole.notes[:3]
    assert taken == f"init_from: 2 of the model's 4 tensors are those of {copied}: linear_1.weight, linear_1.bias"
    assert left.startswith("init_from: not taken: output.weight is [3, 8] in the model and [2, 8] in the file; output")
    assert frozen == "frozen: 24 of 51 parameters: linear_1.weight, linear_1.bias"
    assert all(torch.equal(checkpoint(whole.folder)["state_dict"][name], weights(source)[name]) for name in LAYERS)

    first = run(*transfer, "hydra.run.dir=parts")
    copied.unlink()
    last = f"ckpt_path={first.folder}/checkpoints/last.ckpt"
    with pytest.raises(ValueError, match=r"^freeze must stay \[linear_1\] when a run is resumed, because .*; got \[\]"):
        run(last, "trainer.max_epochs=3", "freeze=[]")
    with pytest.raises(ValueError, match=r"^init_from must stay .*source.ckpt.*; got other.ckpt"):
        run(last, "trainer.max_epochs=3", "init_from=other.ckpt")
    run(last, "trainer.max_epochs=3")
    assert_same(whole.folder, own_folder / "parts")


def test_sources_and_frozen_layers_are_axes(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    axes = (f"init_from=null,{source}", "freeze=[],[linear_1]")
    swept = sweep(*THREE, *axes, "hydra/launcher=vectorized", "optimizer.lr=0.1")
    jobs = {
        (job["init_from"] is not None, job["freeze"] != "[]"): weights(
            swept.folder / str(job["job"]) / "checkpoints" / "last.ckpt"
        )
        for job in swept.table.to_dicts()
    }
    assert len(jobs) == 4
    theirs = weights(source)
    kept = {key for key, own in jobs.items() if all(torch.equal(own[name], theirs[name]) for name in LAYERS)}
    assert kept == {(True, True)}
    assert not torch.equal(jobs[True, False][LAYERS[0]], jobs[False, False][LAYERS[0]])  # in one stack
    said = "one by one: 2 jobs, since batches of models do not support freeze=[linear_1]"
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("init_from=none.ckpt", "init_from must be a checkpoint file; there is no none.ckpt"),
        ("freeze=[linear_7]", "freeze must name layers or parameters .* got 'linear_7'.* Did you mean linear_1"),
        ("freeze=linear_1", "freeze must be a list of names of layers or parameters, such as"),
    ],
)
def test_what_cannot_be_is_refused(typed: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        run(*THREE, typed)


def test_a_checkpoint_of_another_architecture_is_refused(source: Path) -> None:
    with pytest.raises(ValueError, match=rf"^init_from must be .*; {source} has none: linear_1.weight is \[7, 2\] in"):
        run(*BASE, "model.hidden=[7]", "data.num_classes=3", f"init_from={source}")


def test_transfer_belongs_to_training(source: Path) -> None:
    with pytest.raises(ValueError, match=r"^freeze has no effect with task=test, only with task=train"):
        run("task=test", f"ckpt_path={source}", "freeze=[linear_1]")
    tested: Result = run("task=test", f"ckpt_path={source}", "freeze=[]")
    assert tested.metrics["status"] == "completed"


def test_an_experiment_that_freezes_is_not_audited_without_it() -> None:
    node = plain(compose("freeze=[linear_1]")) | {"task": "audit"}
    with pytest.raises(ValueError, match=r"^freeze has no effect with task=audit, only with task=train; got "):
        check_config(OmegaConf.create(node))
