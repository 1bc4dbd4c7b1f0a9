"""Diabetes and BreastCancer compared with scikit-learn's arrays: the split and the standardisation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes

from gradexp.data import BreastCancer, Diabetes, TensorDataModule

Array = NDArray[np.float64]

both = pytest.mark.parametrize("cls", [Diabetes, BreastCancer])


def raw(cls: type[TensorDataModule]) -> tuple[Array, Array]:
    if cls is Diabetes:
        inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    else:
        inputs, targets = load_breast_cancer(return_X_y=True)
    return inputs, targets


def set_up(cls: Any, **arguments: Any) -> TensorDataModule:
    data: TensorDataModule = cls(**arguments)
    data.setup("fit")
    data.setup("test")
    return data


def rows_of(samples: Array, among: Array) -> NDArray[np.int64]:
    """The index of each sample in the standardised rows."""
    distances = np.abs(samples[:, None] - among[None]).max(axis=2)
    assert distances.min(axis=1).max() < 1e-3
    rows: NDArray[np.int64] = distances.argmin(axis=1)
    return rows


@both
@pytest.mark.parametrize("seed", [0, 3])
def test_samples_are_standardised_by_the_training_rows_only(cls: type[TensorDataModule], seed: int) -> None:
    data = set_up(cls, seed=seed)
    inputs, targets = raw(cls)
    state = {name: values.double().numpy() for name, values in data.preprocessing_state().items()}
    scaled = (inputs - state["input_mean"]) / state["input_std"]
    train, wanted = (tensor.double().numpy() for tensor in data.sample(10_000))
    (validation, _), (test, tested) = next(iter(data.val_dataloader())), next(iter(data.test_dataloader()))
    rows, others = rows_of(train, scaled), rows_of(validation.double().numpy(), scaled)
    # Every fifth sample is a test sample; each of the others is in one part.
    assert sorted([*rows, *others]) == [row for row in range(len(inputs)) if row % 5 != 4]
    assert len(others) == round(0.2 * (len(rows) + len(others)))
    np.testing.assert_allclose(state["input_mean"], inputs[rows].mean(0), rtol=1e-5)
    np.testing.assert_allclose(state["input_std"], inputs[rows].std(0), rtol=1e-4)
    np.testing.assert_allclose(train, (inputs[rows] - inputs[rows].mean(0)) / inputs[rows].std(0), atol=1e-3)
    np.testing.assert_allclose(test, scaled[4::5], atol=1e-3)
    if cls is Diabetes:
        mean, std = targets[rows].mean(), targets[rows].std()
        assert state["target_mean"] == pytest.approx(mean, rel=1e-5)
        np.testing.assert_allclose(wanted[:, 0], (targets[rows] - mean) / std, atol=1e-4)
        np.testing.assert_allclose(tested.numpy()[:, 0], (targets[4::5] - mean) / std, atol=1e-4)
    else:
        assert "target_mean" not in state
        np.testing.assert_array_equal(wanted, targets[rows])
        np.testing.assert_array_equal(tested, targets[4::5])


@both
def test_seed_draws_the_validation_rows_but_not_the_test_rows(cls: type[TensorDataModule]) -> None:
    parts = []
    for seed in (0, 1):
        data = set_up(cls, seed=seed)
        state = data.preprocessing_state()
        ((inputs, _),) = data.test_dataloader()
        parts.append((inputs * state["input_std"] + state["input_mean"], state["input_mean"]))
    np.testing.assert_allclose(parts[0][0], parts[1][0], rtol=1e-3, atol=1e-4)
    assert not torch.equal(parts[0][1], parts[1][1])


@both
def test_number_of_features_and_classes_equal_scikit_learn(cls: Any) -> None:
    data = cls()
    assert data.num_features == raw(cls)[0].shape[1]
    assert data.classes == ([] if cls is Diabetes else load_breast_cancer().target_names.tolist())


@both
def test_saved_state_scales_the_test_part_without_the_training_part(
    cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = set_up(cls)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    fresh = cls(seed=5)
    fresh.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    reads, original = [], cls.tensors

    def tensors(self: TensorDataModule, part: str) -> Any:
        reads.append(part)
        return original(self, part)

    monkeypatch.setattr(cls, "tensors", tensors)
    fresh.setup("test")
    assert reads == ["test"]
    ((inputs, targets),), ((expected, wanted),) = fresh.test_dataloader(), first.test_dataloader()
    assert torch.equal(inputs, expected)
    assert torch.equal(targets, wanted)


def test_in_target_units_inverts_the_standardisation() -> None:
    data = set_up(Diabetes)
    ((_, targets),) = data.test_dataloader()
    np.testing.assert_allclose(data.in_target_units(targets)[:, 0], raw(Diabetes)[1][4::5], rtol=1e-5)
