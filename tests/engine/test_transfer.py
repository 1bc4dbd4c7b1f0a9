"""Weights taken from another network, and frozen parameters, beside plain torch."""

import copy
from collections import OrderedDict

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

from gradexp import MLPClassifier
from gradexp.data import Blobs
from gradexp.engine.transfer import freeze, take_weights

RATE, DECAY = 0.1, 0.5
ADAMW = {"_target_": "torch.optim.AdamW", "lr": RATE, "weight_decay": DECAY}


def network(classes: int, hidden: int = 5) -> nn.Sequential:
    layers = OrderedDict[str, nn.Module](
        first=nn.Linear(2, hidden), norm=nn.BatchNorm1d(hidden), output=nn.Linear(hidden, classes)
    )
    return nn.Sequential(layers)


def test_tensors_of_equal_names_and_shapes_are_taken_and_the_others_are_named() -> None:
    source, module = network(10), network(3)
    source(torch.randn(8, 2))  # moves the running averages
    before = copy.deepcopy(module.get_submodule("output").state_dict())
    taken = take_weights(module, source.state_dict() | {"more.weight": torch.zeros(1)}, "a.ckpt")
    for name in ("first", "norm"):
        own, there = module.get_submodule(name).state_dict(), source.get_submodule(name).state_dict()
        assert own.keys() == there.keys()
        assert all(torch.equal(own[key], there[key]) for key in own)
    assert all(torch.equal(before[key], value) for key, value in module.get_submodule("output").state_dict().items())
    first, second = taken.notes("a.ckpt")
    assert first.startswith("init_from: 7 of the model's 9 tensors are those of a.ckpt: first.weight, first.bias, ")
    assert "output.weight is [3, 5] in the model and [10, 5] in the file" in second
    assert "not in the model: more.weight" in second


def test_a_file_without_a_matching_parameter_is_refused_though_a_buffer_matches() -> None:
    source = nn.Sequential(OrderedDict[str, nn.Module](norm=nn.BatchNorm1d(5, affine=False)))
    with pytest.raises(ValueError, match=r"^init_from must be .*; a.ckpt has none: .*\. It has norm.running_mean"):
        take_weights(network(3), source.state_dict(), "a.ckpt")


def test_a_counter_of_the_model_is_not_taken() -> None:
    module = nn.Sequential(nn.Linear(2, 1))
    module.register_buffer("corrections", torch.zeros((), dtype=torch.long))
    source = copy.deepcopy(module)
    source.get_buffer("corrections").fill_(7)
    take_weights(module, source.state_dict(), "a.ckpt")
    assert module.get_buffer("corrections") == 0


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        (["linear_1"], {"linear_1.weight", "linear_1.bias"}),
        (["network.linear_1"], {"linear_1.weight", "linear_1.bias"}),
        (["*.bias"], {"linear_1.bias", "linear_2.bias", "output.bias"}),
        (["linear_*.bias", "output.bias"], {"linear_1.bias", "linear_2.bias", "output.bias"}),
        (["linear_1.weight"], {"linear_1.weight"}),
    ],
)  # fmt: skip
def test_a_pattern_names_layers_or_parameters(patterns: list[str], frozen: set[str]) -> None:
    module = MLPClassifier(2, 3, hidden=[4, 4])
    note = freeze(module, patterns)
    assert {name for name, each in module.network.named_parameters() if not each.requires_grad} == frozen
    numbers = sum(module.network.get_parameter(name).numel() for name in frozen)
    assert note.startswith(f"frozen: {numbers} of 47 parameters: ")


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["linear_9"], "got 'linear_9', which matches none. Did you mean linear_1.*Layers: linear_1, output."),
        (["linear_1", "lin"], "got 'lin', which matches none"),
        (["*"], r"must leave a parameter to train; got \['\*'\]"),
        (["linear_1", "output"], "must leave a parameter to train"),
    ],
)
def test_a_pattern_that_matches_nothing_or_all_is_refused(patterns: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^freeze .*{message}"):
        freeze(MLPClassifier(2, 3, hidden=[4]), patterns)


def fitted(module: LightningModule, patterns: list[str]) -> LightningModule:
    freeze(module, patterns)
    data = Blobs(num_samples=100, batch_size=16)
    Trainer(max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, accelerator="cpu").fit(module, datamodule=data)  # fmt: skip
    return module


def test_a_frozen_layer_is_not_changed_by_a_fit_and_has_no_penalty() -> None:
    torch.manual_seed(0)
    module = MLPClassifier(2, 3, hidden=[4, 4], batch_norm=True, optimizer=ADAMW, l1=1.0, l2=1.0)
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    fitted(module, ["linear_1", "batch_norm_1"])
    after = module.network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name.partition(".")[0] for name in same} == {"linear_1", "batch_norm_1"}
    assert len(same) == 2 + 5  # weight and bias; of batch norm also its averages and their count
    assert all(each.grad is None for each in module.network.get_submodule("linear_1").parameters())
    assert not module.network.get_submodule("batch_norm_1").training
    trained = [module.network.get_parameter(f"{name}.weight") for name in ("linear_2", "output")]
    sizes = torch.stack([weight.abs().sum() + weight.square().sum() for weight in trained])
    torch.testing.assert_close(module.penalty(), sizes.sum())


def test_a_module_of_another_package_keeps_frozen_layers_under_weight_decay() -> None:
    class Own(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(2, 4), nn.Linear(4, 4)

        def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
            return nn.functional.cross_entropy(self.head(self.body(batch[0]).relu()), batch[1])

        def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> None:
            pass

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=DECAY)

    module = Own()
    before = copy.deepcopy(module.state_dict())
    after = fitted(module, ["body"]).state_dict()
    assert {name for name in before if torch.equal(before[name], after[name])} == {"body.weight", "body.bias"}
