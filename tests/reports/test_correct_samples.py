"""Which test samples were right: as kept by a run, and as read from a stranger's folder."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from gradexp import Blobs, Diabetes, Digits, LinearRegression, MLPClassifier
from gradexp.data import TensorSource
from gradexp.data.test_set import digest
from gradexp.reports.correct_samples import NAME, keep_correct, read_correct

QUIET: dict[str, Any] = {
    "enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False, "logger": False,
    "accelerator": "cpu",
}  # fmt: skip


def measured(folder: Path, data: Any, **limits: Any) -> tuple[Trainer, MLPClassifier]:
    torch.manual_seed(0)
    model = MLPClassifier(data.num_features, data.num_classes, hidden=(5,))
    trainer = Trainer(callbacks=[], default_root_dir=folder, **QUIET, **limits)
    keep_correct(trainer, data, model)
    trainer.test(model, data, verbose=False)
    return trainer, model


def test_a_test_keeps_which_samples_were_right(tmp_path: Path) -> None:
    data = Digits(eval_batch_size=100)  # the last of four batches is smaller
    trainer, model = measured(tmp_path, data)
    kept = read_correct(tmp_path)
    assert kept is not None
    inputs, targets = data._parts["test"][torch.arange(359)]
    with torch.no_grad():
        expected = (model.eval()(inputs).argmax(1) == targets).numpy()
    np.testing.assert_array_equal(kept.right, expected)
    assert trainer.callback_metrics["test/accuracy"].item() == pytest.approx(kept.right.mean())
    assert len((tmp_path / NAME).read_bytes()) < 200


def test_the_test_set_is_the_same_whatever_the_seed_unless_the_seed_draws_it(tmp_path: Path) -> None:
    def of(data: Any) -> str:
        data.setup("test")
        return str(data.test_digest)

    assert of(Digits(seed=0)) == of(Digits(seed=1, batch_size=10, val_size=0.5))
    # The targets are equal: a pattern.
    assert len({of(Blobs(seed=0)), of(Blobs(seed=1)), of(Blobs(seed=0, radius=3.0)), of(Blobs(num_samples=400))}) == 4
    assert of(Blobs(seed=3)) == of(Blobs(seed=3, val_size=0.4))


def test_a_digest_depends_on_the_order_and_on_the_kind_of_the_targets() -> None:
    inputs, targets = torch.arange(12.0).reshape(6, 2), torch.arange(6)
    found = {
        digest(TensorSource(inputs, targets)),
        digest(TensorSource(inputs, targets.flip(0))),
        digest(TensorSource(inputs.flip(0), targets)),
        digest(TensorSource(inputs, targets.double())),
        digest(TensorSource(inputs[:5], targets[:5])),
        digest(TensorSource(inputs[:0], targets[:0])),
    }
    assert len(found) == 6


def test_models_of_numbers_keep_nothing_and_neither_do_other_modules(tmp_path: Path) -> None:
    trainer = Trainer(callbacks=[], default_root_dir=tmp_path, **QUIET)
    before = list(trainer.callbacks)  # type: ignore[attr-defined]
    keep_correct(trainer, Diabetes(), LinearRegression(10))
    keep_correct(trainer, Digits(), torch.nn.Linear(2, 2))  # type: ignore[arg-type]
    assert trainer.callbacks == before  # type: ignore[attr-defined]


def test_a_folder_without_the_record_has_none(tmp_path: Path) -> None:
    assert read_correct(tmp_path) is None


GOOD = {"test_set": "abc", "samples": 10, "right": base64.b64encode(b"\xff\xc0").decode()}


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 17},
        {"samples": 0},
        {"samples": -3},
        {"samples": 2**60},
        {"samples": "10"},
        {"samples": None},
        {"test_set": 3},
        {"right": "/8"},
        {"right": "?"},
        {"right": 7},
        {"right": "\u00e9"},
        {"right": ""},
    ],
)
def test_a_damaged_record_gives_one_message(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps(GOOD))
    kept = read_correct(tmp_path)
    assert kept is not None
    assert kept.right.tolist() == [True] * 10
    (tmp_path / NAME).write_text(json.dumps(GOOD | change))
    with pytest.raises(ValueError, match=rf"{NAME} must be the record .*; it cannot be read .*Delete it."):
        read_correct(tmp_path)


@pytest.mark.parametrize("content", ["[1]", "3", "null", "{", "", '{"samples": 10}'])
def test_another_file_in_its_place_gives_one_message(content: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(content)
    with pytest.raises(ValueError, match=f"{NAME} must be the record"):
        read_correct(tmp_path)
