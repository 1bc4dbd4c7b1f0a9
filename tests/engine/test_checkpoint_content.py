"""Each broken part of a checkpoint gets one message, which names the part and the file."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from gradexp.engine.checkpoint_content import not_finite
from gradexp.engine.checkpoint_file import AtomicCheckpointIO, read_checkpoint, restoring
from gradexp.engine.checkpoints import FORMAT

WHOLE: dict[str, Any] = {
    "state_dict": {"weight": torch.ones(2, 3)}, "config": {"seed": 0, "model": {"hidden": [3]}}, "global_step": 12,
    "format": FORMAT, "epoch": 1, "loops": {"fit_loop": {}}, "callbacks": {"Checkpoints": {}}, "optimizer_states": [{}],
    "lr_schedulers": [], "batches_begun": {"batches": 1}, "event_files": {"events": 10}, "threads": 1,
    "pytorch-lightning_version": "2.6.6",
}  # fmt: skip

BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"global_step": -1}, "global_step is -1, not a whole number of at least 0"),
    ({"global_step": "12"}, "global_step is '12', not a whole number"),
    ({"global_step": True}, "global_step is True, not a whole number"),
    ({"global_step": 10**30}, "global_step is 1000000000000000000000000000000, not"),
    ({"weights_step": 2.5}, "weights_step is 2.5, not a whole number"),
    ({"epoch": None}, "epoch is None, not a whole number"),
    ({"threads": [1]}, "threads is [1], not a whole number"),
    ({"state_dict": []}, "state_dict is a list, not a dict"),
    ({"state_dict": {"weight": 3.0}}, "state_dict.weight is a float, not a tensor"),
    ({"state_dict": {1: torch.ones(1)}}, "state_dict.1 is a Tensor, not a tensor"),
    ({"state_dict": {"weight": torch.ones(1).expand(10**6)}}, "state_dict.weight is not a plain tensor"),
    ({"state_dict": {"weight": torch.eye(2).to_sparse()}}, "state_dict.weight is not a plain tensor"),
    ({"optimizer_states": {}}, "optimizer_states is a dict, not a list"),
    ({"optimizer_states": ["x"]}, "optimizer_states.0 is a str, not a dict"),
    ({"lr_schedulers": [3]}, "lr_schedulers.0 is a int, not a dict"),
    ({"loops": None}, "loops is a NoneType, not a dict"),
    ({"callbacks": {"Checkpoints": [1]}}, "callbacks.Checkpoints is a list, not a dict"),
    ({"batches_begun": {"batches": "x"}}, "batches_begun.batches is 'x', not a whole number"),
    ({"event_files": {"events": -5}}, "event_files.events is -5, not a whole number"),
    ({"pytorch-lightning_version": 2}, "pytorch-lightning_version is a int, not a str"),
    ({"config": {"data": {"mirror": "${oc.env:HOME}"}}}, "data.mirror has an interpolation, which is never resolved"),
    ({"config": {"seed": torch.ones(1)}}, "seed is a Tensor"),
    ({"config": {"seed": "???"}}, "seed has an interpolation"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "words"), BROKEN, ids=[words[:40] for _, words in BROKEN])
def test_a_broken_part_is_named_with_the_file(part: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(WHOLE, path)
    assert read_checkpoint(str(path)).keys() == WHOLE.keys()
    AtomicCheckpointIO().save_checkpoint(WHOLE | part, path)
    with pytest.raises(ValueError, match="ckpt_path must be a checkpoint that gradexp wrote whole") as caught:
        read_checkpoint(str(path))
    assert f"{path} is none (" in str(caught.value)
    assert words in str(caught.value)


def test_weights_that_are_not_finite_are_named() -> None:
    weights = {f"layer_{n}": torch.ones(4) for n in range(6)} | {"classes": torch.arange(3)}
    assert not_finite(weights) == []
    weights["layer_1"] = torch.tensor([1.0, math.nan, math.inf, 2.0])
    assert not_finite(weights) == ["the checkpoint has weights that are not finite: layer_1 (2 of 4)"]
    weights |= {f"layer_{n}": torch.full((4,), -math.inf) for n in range(1, 6)}
    assert not_finite(weights)[0].endswith("layer_1 (4 of 4), layer_2 (4 of 4), layer_3 (4 of 4) and 2 more tensors")


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("y"), AttributeError("z"), RuntimeError("a\nb"), ValueError("c")]
)
def test_what_restoring_raises_gets_one_message(error: Exception) -> None:
    message = r"wrote whole; a/b\.ckpt is none \(\w+: [^\n]+\)\. Use another one\.$"
    with pytest.raises(ValueError, match=message), restoring("a/b.ckpt"):
        raise error


def test_messages_of_gradexp_and_of_the_disk_pass() -> None:
    with pytest.raises(ValueError, match="ckpt_path must be a checkpoint file; there is no"), restoring("a/b.ckpt"):
        read_checkpoint("nowhere")
    with pytest.raises(OSError, match="No space"), restoring("a/b.ckpt"):
        raise OSError(28, "No space left on device")
