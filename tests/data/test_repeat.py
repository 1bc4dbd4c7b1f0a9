"""Several passes per epoch (`repeat`) and groups of batches (`steps_per_execution`): samples and their order."""

from itertools import accumulate, chain
from typing import Any

import pytest
import torch

from gradexp.data import BatchLoader, BatchOrder, LinearData, TensorSource
from gradexp.engine.step_groups import single_batches

SAMPLES, BATCH = 23, 5  # 5 batches a pass, the last of 3


def loader(
    steps_per_execution: int = 1,
    repeat: int = 3,
    epoch: int = 0,
    batch_size: int | None = BATCH,
    seed: int | None = 0,
) -> BatchLoader:
    source = TensorSource(torch.arange(SAMPLES).float().unsqueeze(1), torch.arange(SAMPLES))
    order = BatchOrder(SAMPLES, batch_size, seed, repeat=repeat)
    order.set_epoch(epoch)
    return BatchLoader(source, order, steps_per_execution=steps_per_execution)


def numbers(batches: Any) -> list[list[int]]:
    """The samples in each batch, of single batches or of groups."""
    flat = chain.from_iterable(single_batches(each) for each in batches)
    samples = []
    for inputs, targets in flat:
        assert inputs.squeeze(1).tolist() == targets.tolist()
        samples.append(targets.tolist())
    return samples


@pytest.mark.parametrize("batch_size", [1, 5, 22])
@pytest.mark.parametrize("steps_per_execution", [1, 2, 4, 50, 1000])
def test_every_pass_has_every_sample_once_in_a_new_order(steps_per_execution: int, batch_size: int) -> None:
    batches = numbers(loader(steps_per_execution, batch_size=batch_size))
    each = len(batches) // 3
    passes = [tuple(chain(*batches[start : start + each])) for start in range(0, 3 * each, each)]
    assert [len(batch) for batch in batches[:each]] == [batch_size] * (each - 1) + [SAMPLES - batch_size * (each - 1)]
    assert all(sorted(order) == list(range(SAMPLES)) for order in passes)
    assert len(set(passes)) == 3


@pytest.mark.parametrize("steps_per_execution", [2, 3, 5, 50])
@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_order_does_not_depend_on_steps_per_execution(batch_size: int | None, steps_per_execution: int) -> None:
    for epoch in (0, 3):
        together = loader(steps_per_execution, epoch=epoch, batch_size=batch_size)
        assert numbers(together) == numbers(loader(1, epoch=epoch, batch_size=batch_size))
        assert len(list(together)) == len(together)
        assert [len(group) for group in together][:-1] == [steps_per_execution] * (len(together) - 1)


def test_one_epoch_of_7_passes_equals_7_epochs_of_one_pass() -> None:
    # The permutation depends on the seed and the number of the pass, counted over all epochs.
    for epoch in (0, 2):
        whole = numbers(loader(repeat=7, epoch=epoch))
        ones = [numbers(loader(repeat=1, epoch=7 * epoch + number)) for number in range(7)]
        assert whole == list(chain(*ones))


def test_order_depends_only_on_seed_and_epoch() -> None:
    orders = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        orders.append([numbers(loader(4, epoch=epoch, seed=seed)) for seed in (0, 1) for epoch in (0, 1, 2)])
    assert orders[0] == orders[1]
    assert len({str(order) for order in orders[0]}) == 6


def test_every_pass_without_a_seed_has_the_order_of_the_source() -> None:
    assert list(chain(*numbers(loader(4, seed=None)))) == [*range(SAMPLES)] * 3


@pytest.mark.parametrize("steps_per_execution", [1, 4])
@pytest.mark.parametrize("batch_size", [None, SAMPLES, 100])
def test_full_batches_are_not_copied(batch_size: int | None, steps_per_execution: int) -> None:
    full = loader(steps_per_execution, repeat=6, batch_size=batch_size)
    batches = list(chain.from_iterable(single_batches(each) for each in full))
    assert len(batches) == 6
    assert isinstance(full.source, TensorSource)
    for inputs, targets in batches:
        assert inputs is full.source.inputs
        assert targets is full.source.targets


def test_batches_of_a_group_are_views_of_one_tensor() -> None:
    group = next(iter(loader(4)))
    assert len({inputs.untyped_storage().data_ptr() for inputs, _ in group}) == 1


@pytest.mark.parametrize("batch_size", [5, None])
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_loader_of_groups_resumes_after_the_finished_groups(done: int, batch_size: int | None) -> None:
    whole = numbers(loader(4, repeat=15 if batch_size is None else 3, batch_size=batch_size))  # 15 batches
    interrupted, resumed = (loader(4, len(whole) // (5 if batch_size else 1), batch_size=batch_size) for _ in range(2))
    batches = iter(interrupted)
    for _ in range(done):
        next(batches)
    assert interrupted.state_dict() == {"position": 4 * done}
    resumed.load_state_dict(interrupted.state_dict())
    assert numbers(resumed) == whole[4 * done :]
    assert numbers(resumed) == whole, "the next epoch is complete"


def test_position_is_zero_after_an_epoch() -> None:
    finished = loader(4)
    list(finished)
    assert finished.state_dict()["position"] == 0


@pytest.mark.parametrize("position", [0, 1, 5, 8, 14])
@pytest.mark.parametrize("now", [1, 2, 4, 1000])
def test_loader_resumes_with_another_group_size(now: int, position: int) -> None:
    whole = numbers(loader(1))  # 15 batches
    resumed = loader(now)
    resumed.load_state_dict({"position": position})
    assert resumed.groups_done == (position // now if position else None)
    assert numbers(resumed) == whole[position:]
    assert len(resumed) == -(-15 // now), "Lightning needs the number of groups of a whole epoch"


@pytest.mark.parametrize("cut", [1, 4, 6, 15])
def test_group_ends_where_the_fit_ends(cut: int) -> None:
    source = TensorSource(torch.arange(15.0).unsqueeze(1), torch.arange(15.0))
    groups = list(BatchLoader(source, BatchOrder(15, 1), steps_per_execution=4, cut=cut))
    ends = list(accumulate(len(group) for group in groups))
    assert cut in ends
    assert ends[-1] == 15
    assert max(len(group) for group in groups) <= 4


def test_large_batches_of_a_group_are_read_one_by_one() -> None:
    source = TensorSource(torch.zeros(100, 10_000), torch.arange(100))
    group = next(iter(BatchLoader(source, BatchOrder(100, 10, seed=0), steps_per_execution=5)))
    storages = [inputs.untyped_storage().data_ptr() for inputs, _ in list(group)]
    assert len(set(storages)) == 5
    assert [targets.tolist() for _, targets in group] == [targets.tolist() for _, targets in group], "iterable twice"


@pytest.mark.parametrize("value", [0, -1, 2.5, None])
@pytest.mark.parametrize("name", ["repeat", "steps_per_execution"])
def test_repeat_and_steps_per_execution_are_positive_whole_numbers(name: str, value: Any) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} must be .*got {'null' if value is None else repr(value)}"):
        LinearData(**options)
