"""Members of a stack do not feel each other, end as a plain loop ends them, and go on from a saved state."""

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional as F

from gradexp.engine.stack.batches import Samples
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.means import StackedMetric
from gradexp.engine.stack.member import Member
from gradexp.objective import penalties
from gradexp.objective.penalty_terms import Penalty
from gradexp.randomness import generator
from tests.engine.stack.networks import mlp

SAMPLES, BATCH = 50, 16


def accuracy() -> StackedMetric:
    def sums(outputs: Tensor, targets: Tensor) -> Tensor:
        right = (outputs.argmax(dim=2) == targets).sum(dim=1)
        return torch.stack([right.double(), torch.full_like(right, targets.shape[1], dtype=torch.float64)], dim=1)

    return StackedMetric(sums, lambda sums: sums[:, 0] / sums[:, 1])


def data(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and validation samples that a network can learn, in float32."""
    stream = torch.Generator().manual_seed(seed)
    inputs = torch.randn(SAMPLES + 30, 4, generator=stream)
    targets = (inputs @ torch.randn(4, 3, generator=torch.Generator().manual_seed(0))).argmax(dim=1)
    return inputs[:SAMPLES], targets[:SAMPLES], inputs[SAMPLES:], targets[SAMPLES:]


def order(seed: int, epoch: int) -> Sequence[Tensor]:
    return torch.split(torch.randperm(SAMPLES, generator=generator("order", seed, epoch)), BATCH)


def stopping(number: int) -> EarlyStopping | None:
    return EarlyStopping("val/accuracy", patience=2, mode="max") if number % 4 == 0 else None


def member(number: int, **options: Any) -> Member:
    """A member; the number decides its seed and all its numbers."""
    network = mlp(number % 5, dropout=0.2, widths=(4, 32, 3)).float()
    optimizer = options.pop("optimizer", torch.optim.Adam)(network.parameters(), lr=0.003 * (1 + number % 7))
    schedules = []
    if number % 3 == 0:
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        schedules = [LRSchedulerConfig(scheduler=schedule, interval="epoch")]
    inputs, targets, val_inputs, val_targets = data(number % 5)
    return Member(
        network=network, loss=F.cross_entropy, loss_module=None, optimizer=optimizer, schedules=schedules,
        penalties={"l2": Penalty(penalties.l2, 1e-4 * (number % 2))}, proximal=False,
        train=Samples(inputs, targets, lambda epoch: order(number % 5, epoch)),
        val=Samples(val_inputs, val_targets, lambda epoch: [torch.arange(30)]),
        seed=number, max_epochs=4 + number % 3, monitor="val/accuracy", mode="max",
        **{"clip": None if number % 2 else 0.5, "early_stopping": stopping(number), **options},
    )  # fmt: skip


def fitted(numbers: Sequence[int], **options: Any) -> list[Member]:
    members = [member(number, **options) for number in numbers]
    StackFit(members, {"accuracy": accuracy()}, log_every_n_steps=3).run()
    return members


def assert_same(one: Member, other: Member) -> None:
    assert one.at_end is not None
    assert other.at_end is not None
    assert torch.equal(one.at_end.values, other.at_end.values)
    assert one.at_end.optimizer.keys() == other.at_end.optimizer.keys()
    for name, value in one.at_end.optimizer.items():
        assert torch.equal(value, other.at_end.optimizer[name])
    assert (one.logs, one.metrics, one.best, one.epochs, one.steps) == (
        other.logs, other.metrics, other.best, other.epochs, other.steps,
    )  # fmt: skip


@pytest.mark.parametrize("wide", [False, True])
def test_the_size_of_a_stack_changes_no_bit(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if wide:  # as networks of more numbers are updated
        monkeypatch.setattr("gradexp.engine.stack.steps.ROW_NUMBERS", 0)
    numbers = list(range(64))
    at_once = fitted(numbers)
    by_four = [one for start in range(0, 16, 4) for one in fitted(numbers[start : start + 4])]
    alone = [fitted([number])[0] for number in numbers[:8]]
    for stack in (by_four, alone):
        for one, other in zip(stack, at_once, strict=False):
            assert_same(one, other)
    assert len({one.epochs for one in at_once}) > 1


def test_a_member_ends_where_a_plain_loop_ends() -> None:
    (one,) = fitted([1], early_stopping=None)
    reference = member(1)
    network, optimizer = reference.network, reference.optimizer
    inputs, targets, val_inputs, val_targets = data(1)
    batch = 0
    best = (-1.0, 0.0)
    best_epoch = 0
    for epoch in range(reference.max_epochs):
        for indices in order(1, epoch):
            torch.manual_seed(_step_seed(1, batch))
            network.train()
            loss = F.cross_entropy(network(inputs[indices]), targets[indices])
            for weight in (p for p in network.parameters() if p.ndim == 2):
                loss = loss + 1e-4 * weight.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own lacks types
            optimizer.step()
            batch += 1
        network.eval()
        with torch.no_grad():
            outputs = network(val_inputs)
        score = (outputs.argmax(dim=1) == val_targets).float().mean().item()
        rank = (score, -F.cross_entropy(outputs, val_targets).item())
        if rank >= best:
            best, best_epoch = rank, epoch + 1
    assert one.at_end is not None
    expected = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
    torch.testing.assert_close(one.at_end.values, expected, rtol=1e-4, atol=1e-6)
    assert one.best is not None
    assert one.best.epoch == best_epoch
    assert one.best.score == pytest.approx(best[0])
    assert one.metrics["val/loss"] == pytest.approx(-rank[1], rel=1e-4)


def _step_seed(seed: int, batch: int) -> int:
    from gradexp.randomness import mix

    return mix("step", seed, batch, 0)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adafactor])
def test_a_fit_goes_on_from_a_saved_state_bit_for_bit(optimizer: Any) -> None:
    numbers = list(range(6))
    whole = fitted(numbers, optimizer=optimizer)
    begun = StackFit(
        [member(number, optimizer=optimizer) for number in numbers], {"accuracy": accuracy()}, log_every_n_steps=3
    )
    files = []
    for _ in range(5):
        file = io.BytesIO()
        torch.save(begun.state(), file)
        files.append(file.getvalue())
        begun.run_epoch()
    for content in files:
        state = torch.load(io.BytesIO(content), weights_only=True)
        for chosen in (numbers, [5, 1]):  # jobs of the others may have ended
            members = [member(number, optimizer=optimizer) for number in chosen]
            fit = StackFit(members, {"accuracy": accuracy()}, log_every_n_steps=3)
            fit.load_state(state, chosen)
            fit.run()
            for number, one in zip(chosen, members, strict=True):
                assert_same(one, whole[number])


def test_a_member_that_diverges_leaves_and_the_others_do_not_feel_it() -> None:
    members = [member(number, early_stopping=None) for number in (1, 2, 3)]
    for group in members[1].optimizer.param_groups:
        group["lr"] = 1e30
    StackFit(members, {"accuracy": accuracy()}, log_every_n_steps=3).run()
    for one, other in zip((members[0], members[2]), fitted([1, 3], early_stopping=None), strict=True):
        assert_same(one, other)
    gone = members[1]
    assert gone.diverged.startswith("at step 2 ")
    assert gone.at_end is not None
    assert gone.at_end.epochs == 0
    initial = torch.cat([p.detach().flatten() for p in member(2).network.parameters()])
    assert torch.equal(gone.at_end.values, initial)


@pytest.mark.parametrize("wide", [False, True])
def test_a_member_that_diverges_ends_as_after_its_last_whole_epoch(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if wide:  # as networks of more numbers are updated
        monkeypatch.setattr("gradexp.engine.stack.steps.ROW_NUMBERS", 0)
    ends = []
    for max_epochs in (2, 4):  # the rate explodes in the third epoch
        members = [member(number) for number in (4, 5)]
        for one in members:
            one.max_epochs = max_epochs
            schedule = torch.optim.lr_scheduler.LambdaLR(one.optimizer, lambda step: 0.9**step if step < 9 else 1e30)
            one.schedules = [LRSchedulerConfig(scheduler=schedule, interval="step")]
        StackFit(members, {"accuracy": accuracy()}, log_every_n_steps=3).run()
        assert [bool(one.diverged) for one in members] == [max_epochs == 4] * 2
        ends.append([one.at_end for one in members])
    for whole, before in zip(*ends, strict=True):
        expected, found = (asdict(moment) for moment in (whole, before))
        assert found["epochs"] == 2
        assert expected.pop("seconds") > 0
        assert found.pop("seconds") > 0
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_moment_is_what_the_members_own_optimizer_would_have() -> None:
    (one,) = fitted([3], early_stopping=None, clip=None)
    assert one.at_end is not None
    reference = member(3)
    one.at_end.write_into(reference.network, reference.optimizer, reference.schedules)
    state = reference.optimizer.state_dict()
    assert state["param_groups"][0]["lr"] == one.at_end.groups[0]["lr"] != member(3).optimizer.param_groups[0]["lr"]
    assert {key: tuple(value.shape) for key, value in state["state"][0].items()} == {
        "step": (), "exp_avg": (32, 4), "exp_avg_sq": (32, 4),
    }  # fmt: skip
    assert state["state"][0]["step"].item() == one.steps
    restored: nn.Module = reference.network
    assert torch.equal(torch.cat([p.detach().flatten() for p in restored.parameters()]), one.at_end.values)
