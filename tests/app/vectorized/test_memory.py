"""The sizes of stacks follow the memory that is free."""

from collections.abc import Callable

import pytest
import torch

from gradexp.app.composition import compose
from gradexp.app.vectorized import memory
from gradexp.app.vectorized.members import Preparation, Prepared, device_of


@pytest.fixture(scope="module")
def prepared() -> Callable[..., Prepared]:
    return lambda *overrides: Preparation()(compose(*overrides))


def test_members_that_fit(prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch) -> None:
    one = prepared("model.hidden=[32]", "data.eval_batch_size=10")
    weights = 64 * 32 + 32 + 32 * 10 + 10
    samples = one.member.train.size + (one.member.val.size if one.member.val else 0)
    assert samples == 1_438 * (64 * 4 + 8)  # float32 images of 64 pixels, int64 classes
    each = 4 * (13 * weights + 2 * (32 + 10) * 32) + 2 * samples
    for free, members in ((2 * each, 1), (14 * each, 7), (each, 1)):
        monkeypatch.setattr(memory, "free_memory", lambda _, free=free: free)
        assert memory.members_that_fit(one) == members


def test_free_memory_is_some_of_the_machines() -> None:
    assert 2**26 < memory.free_memory(torch.device("cpu")) < 2**44


def test_larger_networks_and_batches_take_more(prepared: Callable[..., Prepared]) -> None:
    sizes = [
        memory.members_that_fit(prepared(*overrides))
        for overrides in ((), ("model.hidden=[2000,2000]",), ("model.hidden=[2000,2000]", "data.batch_size=null"))
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len({*sizes}) == 3


def test_the_device_is_that_of_a_trainer() -> None:
    assert device_of("cpu") == torch.device("cpu")
