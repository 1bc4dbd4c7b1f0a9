"""The members of a stack train on the very batches of their jobs alone; jobs whose steps are the user's own say so."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from omegaconf import DictConfig
from torch import Tensor

from gradexp.app.assembly import build_data, build_model
from gradexp.app.composition import compose
from gradexp.app.quiet import quiet_libraries
from gradexp.app.vectorized.members import Alone, Preparation
from gradexp.app.vectorized.stacks import sizes
from gradexp.data import RandomGeometry
from gradexp.engine.stack import augmentation
from gradexp.engine.stack.batches import StackedBatches

TRUSTED = "trusted_packages=[gradexp,tests]"
OWN = "tests.app.vectorized.own_classes"
EPOCHS = 2


def trained_on(cfg: DictConfig) -> list[tuple[Tensor, Tensor]]:
    """The batches that an ordinary fit trains on."""
    quiet_libraries()
    data = build_data(cfg)
    model: Any = build_model(cfg, data)
    batches: list[tuple[Tensor, Tensor]] = []
    objective = model.training_objective

    def record(batch: Any) -> Any:
        batches.append(batch)
        return objective(batch)

    model.training_objective = record
    options: dict[str, Any] = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    Trainer(accelerator="cpu", devices=1, max_epochs=EPOCHS, num_sanity_val_steps=0, **options).fit(model, data)
    return batches


@pytest.mark.parametrize("numbers", [2**18, 3000])  # inputs of all members in a joint call, of one
@pytest.mark.parametrize(
    "overrides",
    [
        ("augmentation=affine", "data.batch_size=500"),
        ("augmentation=elastic", "data.batch_size=500", "data.val_size=0"),
        ("augmentation=affine", "data.batch_size=null"),
        ("data=blobs", f"data._target_={OWN}.NoisyBlobs", TRUSTED, "data.batch_size=150"),
    ],
    ids=["affine", "elastic", "full batches", "a transform of the user's"],
)
def test_each_member_trains_on_the_batches_of_its_job_alone(
    overrides: tuple[str, ...], numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augmentation, "NUMBERS", numbers)
    transform, calls = RandomGeometry.transform, 0

    def count(self: RandomGeometry, *arguments: Any) -> Tensor:
        nonlocal calls
        calls += 1
        return transform(self, *arguments)

    monkeypatch.setattr(RandomGeometry, "transform", count)
    prepare = Preparation()
    jobs = [
        compose(*overrides, "model.hidden=[2]", f"seed={seed}", f"optimizer.lr={lr}")
        for seed, lr in ((0, 0.1), (3, 0.1), (0, 0.2))
    ]
    prepared = [prepare(job) for job in jobs]
    assert prepared[0].member.train is prepared[2].member.train  # of one seed: gathered and augmented once
    batches = StackedBatches([one.member.train for one in prepared], prepared[0].order.is_full_batch)
    steps = len(prepared[0].order)
    stacked = [batch for epoch in range(EPOCHS) for batch in batches.epoch(epoch, epoch * steps)]
    if "data=blobs" not in overrides:
        assert calls == len(stacked) * (1 if numbers > 3000 else 2)  # for the two seeds
    for member, job in enumerate(jobs):
        alone = trained_on(job)
        assert len(alone) == len(stacked) == EPOCHS * steps
        for (inputs, targets), (all_inputs, all_targets) in zip(alone, stacked, strict=True):
            assert torch.equal(all_inputs[member], inputs)
            assert torch.equal(all_targets[member], targets)
    assert not torch.equal(stacked[0][0], stacked[steps][0])


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (f"data=blobs data._target_={OWN}.ShiftedBlobs", "ShiftedBlobs overrides on_after_batch_transfer"),
        (f"data=blobs model._target_={OWN}.Doubled", "Doubled overrides training_objective"),
        ("model.hidden=[4] model.batch_norm=true", "it has buffers"),
        ("model.hidden=[4] data.memory_limit=0", "its data are streamed"),
        ("model.hidden=[4] +callbacks=diagnostics", r"Diagnostics acts within the fit \(on_"),
        ("data=separable data.val_size=20 model=rosenblatt optimizer=sgd", "Rosenblatt computes its own gradients"),
    ],
)
def test_what_cannot_be_batched_runs_alone_and_says_why(overrides: str, reason: str) -> None:
    with pytest.raises(Alone, match=reason):
        Preparation()(compose(*overrides.split(), TRUSTED))


def test_members_of_other_folds_have_other_samples_and_stacks_are_of_equal_sizes() -> None:
    prepare = Preparation()
    line = ("data=blobs", "data.folds=3", "data.num_samples=31", "data.batch_size=null")
    folds = [prepare(compose(*line, f"data.fold={fold}")) for fold in range(3)]
    others = [prepare(compose(*line, "data.fold=0", *more)) for more in (("seed=1",), ("data.split_seed=1",))]
    inputs = [one.member.val.inputs for one in (*folds, *others) if one.member.val is not None]
    assert [len(each) for each in inputs] == [11, 10, 10, 11, 11]
    assert torch.equal(inputs[0], inputs[3])  # the seed draws neither samples nor folds
    assert not torch.equal(inputs[0], inputs[4])
    assert [sizes(one) for one in folds] == [(20, 11), (21, 10), (21, 10)]
