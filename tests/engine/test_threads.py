"""The number of threads of a fit, and the precedence of its settings."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gradexp import run
from gradexp.engine import threads
from gradexp.engine.threads import (
    OPERATIONS_PER_THREAD,
    choose_threads,
    operations_per_step,
    threads_of_one_run,
    threads_that_pay,
)
from gradexp.models import FunctionDescent, MLPClassifier
from tests.command_line import call
from tests.engine.lightning_comparison import Plain
from tests.engine.several_steps import Logged, data, trainer_for

pytestmark = pytest.mark.slow

SHORT = ("trainer.max_epochs=1", "+trainer.limit_train_batches=2", "figures=false", "hydra.run.dir=first")
LARGE = ("model.hidden=[800,800]", "data.batch_size=200")  # 1.1 billion operations per step


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with four cores and no OMP_NUM_THREADS."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "core_count", lambda: 4)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("operations", "number"), [(0, 1), (1.9, 1), (2, 2), (3.5, 3), (4, 4), (1000, 4)], ids=lambda value: str(value)
)
def test_the_number_of_threads_grows_with_the_operations(operations: float, number: int) -> None:
    assert choose_threads("auto", operations * OPERATIONS_PER_THREAD) == number


def test_threads_that_pay_are_those_of_a_fit_alone_within_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [factor * OPERATIONS_PER_THREAD for factor in (0, 1.9, 2, 100)]
    assert [threads_that_pay(operations) for operations in steps] == [1, 1, 2, 4]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert [threads_that_pay(operations) for operations in steps] == [1, 1, 1, 1]


def test_processes_share_the_cores() -> None:
    many = 1000 * OPERATIONS_PER_THREAD
    assert [choose_threads("auto", many, processes=n) for n in (1, 2, 3, 4, 8)] == [4, 2, 1, 1, 1]


def test_a_saved_number_overrides_auto_and_a_setting_overrides_both() -> None:
    assert choose_threads("auto", 0, saved=3) == 3
    assert choose_threads("auto", 0, saved=16) == 16, "the same bits on another machine too"
    assert choose_threads(2, 0, saved=3) == 2


def test_the_environment_variable_overrides_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    torch.set_num_threads(3)  # as torch does when it is imported
    assert [choose_threads(setting, 1e12, saved=2) for setting in ("auto", 1, 4)] == [3, 3, 3]


def test_operations_count_forward_backward_and_update() -> None:
    network = MLPClassifier(784, 10, dropout=0.5, batch_norm=True)
    weights = 784 * 200 + 200 * 200 + 200 * 10
    parameters = sum(parameter.numel() for parameter in network.parameters())
    counted = operations_per_step(network, torch.zeros(1, 784), 200)
    assert counted == 6 * 200 * weights + threads.OPERATIONS_PER_UPDATE * parameters
    assert operations_per_step(FunctionDescent("himmelblau"), torch.zeros(1, 0), 1) == 2 * threads.OPERATIONS_PER_UPDATE


def test_operations_equal_torchs_count_of_a_real_step() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    inputs, targets = torch.randn(32, 1, 8, 8, requires_grad=True), torch.zeros(32, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(F.cross_entropy(network(inputs), targets))
    update = threads.OPERATIONS_PER_UPDATE * sum(parameter.numel() for parameter in network.parameters())
    assert operations_per_step(network, torch.zeros(1, 1, 8, 8), 32) == counter.get_total_flops() + update


def test_counting_changes_neither_the_network_nor_the_random_state() -> None:
    network = MLPClassifier(4, 3, dropout=0.5, batch_norm=True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    operations_per_step(network, torch.ones(1, 4), 32)
    assert torch.rand(1) == first
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_small_run_uses_one_thread_and_a_large_one_all_cores() -> None:
    assert run(*SHORT).metrics["threads"] == 1
    assert run(*SHORT, *LARGE).metrics["threads"] == 4


def test_a_run_saves_its_number_of_threads_and_restores_torchs() -> None:
    result = run(*SHORT, "threads=2")
    assert result.metrics["threads"] == 2
    assert json.loads((result.folder / "metrics.json").read_text())["threads"] == 2
    for name in ("best", "last"):
        assert torch.load(result.folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["threads"] == 2
    assert torch.get_num_threads() == 4
    assert not result.notes[0].startswith("threads")


def test_a_resumed_run_uses_the_saved_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    run(*SHORT, *LARGE)
    resume = ("task=train", "ckpt_path=first/checkpoints/last.ckpt", "trainer.max_epochs=2")
    for cores, epochs in ((2, 2), (8, 3)):
        monkeypatch.setattr(threads, "core_count", lambda cores=cores: cores)
        assert run(*resume, f"trainer.max_epochs={epochs}").metrics["threads"] == 4
    assert run(*resume, "trainer.max_epochs=4", "threads=1").metrics["threads"] == 1


def test_a_checkpoint_is_tested_with_its_saved_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    run(*SHORT, *LARGE)
    seen: list[int] = []
    forward = MLPClassifier.forward

    def watched(module: MLPClassifier, inputs: torch.Tensor) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return forward(module, inputs)

    monkeypatch.setattr(MLPClassifier, "forward", watched)
    run("task=test", "ckpt_path=first/checkpoints/best.ckpt")
    assert set(seen) == {4}
    assert torch.get_num_threads() == 4


def test_a_setting_without_effect_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    result = run(*SHORT, "threads=2")
    assert result.metrics["threads"] == 4
    assert "threads=2 has no effect: OMP_NUM_THREADS is 4" in result.notes


def test_the_number_of_threads_does_not_change_the_config_hash() -> None:
    one, two = (run(*SHORT, f"threads={number}").metrics["config_hash"] for number in (1, 2))
    assert one == two


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "null", "[1]", "true"])
def test_an_invalid_number_of_threads_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, f"threads={value}")
    assert "threads must be auto, or a whole number of at least 1; got" in str(message)


def test_a_run_restores_threads_and_environment_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads_of_one_run():
        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"  # as Lightning does for the processes that it starts
    assert torch.get_num_threads() == 4
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with threads_of_one_run():
        pass
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_module_that_cannot_be_called_is_counted_by_its_parameters(own_folder: Path) -> None:

    class NoForward(Plain):
        def forward(self, *_: Any) -> Any:
            raise NotImplementedError

    callback = threads.Threads("auto")
    module = NoForward(nn.Linear(2, 1), {"_target_": "torch.optim.SGD", "lr": 0.1})
    trainer_for(Logged(), callback, max_epochs=1).fit(module, datamodule=data(1))
    assert callback.number == 1
    wide = NoForward(nn.Linear(2, 1), {"_target_": "torch.optim.SGD", "lr": 0.1})
    wide.register_parameter("more", nn.Parameter(torch.zeros(10_000_000)))
    trainer_for(Logged(), callback, max_epochs=1).fit(wide, datamodule=data(1))
    assert callback.number == 4
