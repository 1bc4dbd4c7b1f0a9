"""Recognising the samples of a run in a changed file, against a count of equal samples one by one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gradexp.data.found_samples import Part
from gradexp.data.run_samples import Hashes, RunSamples, mix64, sample_ids

FILE = Path("table.csv")


def hashes(*contents: int) -> Hashes:
    return mix64(np.array(contents, dtype=np.uint64))


def test_mix64_is_splitmix64() -> None:
    # The first outputs with seed 0 of Vigna's splitmix64.c.
    states = np.cumsum(np.full(3, 0x9E3779B97F4A7C15, dtype=np.uint64), dtype=np.uint64)
    assert [hex(value) for value in mix64(states)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


def test_equal_samples_are_counted() -> None:
    ids = sample_ids(hashes(5, 7, 5, 5, 7))
    assert len(set(ids.tolist())) == 5
    assert ids[:2].tolist() == hashes(5, 7).tolist()
    assert len(sample_ids(hashes())) == 0


def test_samples_are_found_wherever_they_are() -> None:
    samples = RunSamples.of(hashes(1, 2, 3, 4), hashes(5, 6), test_is_apart=False)
    found = samples.find(hashes(9, 6, 4, 3, 5, 2, 1), test_is_apart=False)
    assert found.train.tolist() == [6, 5, 3, 2]
    assert found.test.tolist() == [4, 1]
    assert found.new.tolist() == [0]
    assert (found.copies, found.lost) == (0, {"train": 0, "test": 0})


def test_found_samples_are_those_that_a_count_of_equal_ones_allows() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        train, test, now = (rng.integers(0, 6, size) for size in rng.integers(1, 20, 3))
        found = RunSamples.of(hashes(*train), hashes(*test), test_is_apart=False).find(hashes(*now), False)
        trained, tested, present = Counter(train.tolist()), Counter(test.tolist()), Counter(now.tolist())
        assert Counter(now[found.train].tolist()) == present & trained  # training samples first
        assert Counter(now[found.test].tolist()) == (present - trained) & tested
        unknown = present - trained - tested
        assert Counter(now[found.new].tolist()) == Counter({one: n for one, n in unknown.items() if one not in trained})
        assert found.copies == sum(n for one, n in unknown.items() if one in trained)
        assert found.lost["test"] == len(test) - len(found.test)
        assert not {*found.train, *found.test} & {*found.new}


def test_a_test_file_of_its_own_is_counted_without_the_training_file() -> None:
    samples = RunSamples.of(hashes(1, 1, 2), hashes(1, 3), test_is_apart=True)
    assert samples.num_test_in_train == 1
    found = samples.find(hashes(2, 3, 1, 4), test_is_apart=True)
    assert found.test.tolist() == [2, 1]
    assert (found.new.tolist(), found.copies) == ([3], 1)
    # In the training file, what may be a training sample is one.
    assert samples.find(hashes(1, 2, 3), test_is_apart=False).test.tolist() == [2]


def test_state_is_8_bytes_a_sample_and_restores_the_samples() -> None:
    samples = RunSamples.of(hashes(*range(100)), hashes(*range(100, 130)), test_is_apart=False)
    state = samples.state()
    assert sum(tensor.nbytes for tensor in state.values()) == 8 * 130
    assert RunSamples.from_state(state).equals(samples)
    assert not RunSamples.of(hashes(1), hashes(2), test_is_apart=False).equals(samples)


def choose(now: list[int], with_new: bool = False, part: Part = "test") -> tuple[list[int], list[str]]:
    """The chosen contents of a run that trained on 1 to 4 and tested 5 and 6."""
    found = RunSamples.of(hashes(1, 2, 3, 4), hashes(5, 6), test_is_apart=False).find(hashes(*now), False)
    positions, notes = found.choose(part, with_new, FILE, "data.path", "rows")
    return np.array(now)[positions].tolist(), notes


def test_new_samples_are_counted_and_tested_only_on_request() -> None:
    whole = [1, 2, 3, 4, 5, 6]
    assert choose(whole) == ([5, 6], [])
    assert choose([8, *whole, 7]) == (
        [5, 6],
        ["table.csv has 2 new rows: they are not tested; data.new_rows=true tests them too"],
    )
    assert choose([8, *whole, 7], with_new=True) == (
        [5, 6, 8, 7],
        ["table.csv has 2 new rows: they are tested too"],
    )
    assert choose([8, *whole, 1], with_new=True) == (
        [5, 6, 8],
        ["table.csv has 2 new rows, 1 of which equal training rows: the others are tested too"],
    )
    assert choose([*whole, 1], with_new=True)[1] == [
        "table.csv has 1 new rows, 1 of which equal training rows: they are not tested"
    ]
    assert choose([8, *whole], with_new=True, part="train") == ([1, 2, 3, 4], [])


def test_missing_samples_are_counted() -> None:
    assert choose([1, 2, 6]) == ([6], ["table.csv has 1 of the 2 test rows of the run; 1 are missing"])
    assert choose([1, 5, 6], part="train")[1] == ["table.csv has 1 of the 4 training rows of the run; 3 are missing"]


def test_file_without_the_samples_raises() -> None:
    with pytest.raises(ValueError, match="must have") as error:
        choose([1, 2, 3])
    assert str(error.value) == (
        "data.path must have test rows of the run that wrote the checkpoint; table.csv has none of the 2, 3 training "
        "rows and 0 new rows."
    )
    with pytest.raises(ValueError, match=r"0 training rows and 2 new rows\. data\.new_rows=true tests the new rows\."):
        choose([7, 8])
    assert choose([7, 8], with_new=True)[0] == [7, 8]
    with pytest.raises(ValueError, match=r"must have training rows of the run .* has none of the 4, 0 training"):
        choose([5, 7], with_new=True, part="train")
