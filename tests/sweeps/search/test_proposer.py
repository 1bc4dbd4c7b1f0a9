"""Proposals are a function of the search's seed, the number of the trial, and the results so far."""

import math
from typing import Literal

import pytest

pytest.importorskip("optuna")

from pathlib import Path

from gradexp.sweeps.search.journal import NAME, Journal
from gradexp.sweeps.search.objectives import Direction
from gradexp.sweeps.search.proposer import Proposer, Sampler, rounds
from gradexp.sweeps.search.space import Dimension, Params, Space
from gradexp.sweeps.search.trials import Trial

NUMBERS: Space = {"rate": Dimension(1e-4, 1e-1, log=True), "share": Dimension(0.0, 0.5), "width": Dimension(4, 64)}
MIXED: Space = {**NUMBERS, "+kind": Dimension(choices=("sgd", "'a b'", "[1,2]"))}
BATCH = 4


def loss(params: Params) -> float:
    rate, share, width = (float(params[key]) for key in ("rate", "share", "width"))
    return (math.log10(rate) + 2) ** 2 + share + abs(width - 20) / 40


def searched(
    folder: Path,
    sampler: Sampler,
    trials: int,
    *,
    space: Space = NUMBERS,
    seed: int = 0,
    stop: int | None = None,
    directions: tuple[Direction, ...] = ("minimize",),
) -> list[Params]:
    """Run a search on `loss`, or resume it; it ends without a word before the trial `stop` is told."""
    journal = Journal(folder, "made", directions, space)
    proposer = Proposer(space, sampler, seed, directions, BATCH)
    for numbers in rounds(sampler, trials, BATCH):
        recorded = journal.trials
        for number in numbers:
            known = recorded[number].params if number < len(recorded) else None
            params = proposer.propose(known)
            if known is None:
                journal.add(params, space)
            if number == stop:
                return [trial.params for trial in journal.trials]
        for trial in journal.trials[numbers.start : numbers.stop]:
            if not trial.state.is_finished():
                values = (loss(trial.params), -float(trial.params["share"]))[: len(directions)]
                journal.tell(trial.number, Trial(trial.number, trial.params, {0: values}))
            proposer.tell(journal.trials[trial.number])
    return [trial.params for trial in journal.trials]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "qmc", "random"])
def test_a_search_that_was_killed_proposes_what_it_would_have(sampler: Sampler, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = searched(whole, sampler, 18)
    for stop in (2, 12, 15):  # within the first round, and within later ones
        assert searched(parts, sampler, 18, stop=stop) == expected[: stop + 1]
        with (parts / NAME).open("ab") as file:
            file.write(b'{"op_code":4,"worker')  # of a process that was killed while it wrote
    assert searched(parts, sampler, 18) == expected
    assert len({str(params) for params in expected}) == 18
    assert all(NUMBERS[key].holds(value) for params in expected for key, value in params.items())


def test_the_seed_of_a_search_draws_its_trials_and_0_is_one(tmp_path: Path) -> None:
    found = []
    for number, seed in enumerate((0, 0, 1)):
        (tmp_path / str(number)).mkdir()
        found.append(searched(tmp_path / str(number), "tpe", 14, space=MIXED, seed=seed))
    assert found[0] == found[1]
    assert not [params for params in found[0] if params in found[2]]


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_a_small_space_is_tried_without_doubles(sampler: Literal["tpe", "qmc"], tmp_path: Path) -> None:
    space: Space = {"rate": Dimension(choices=("1e-2", "1e-3")), "share": Dimension(0, 4, 2), "width": Dimension(7, 8)}
    found = searched(tmp_path, sampler, 12, space=space)
    assert len({str(params) for params in found}) == 12


def test_tpe_and_cma_es_find_better_settings_than_chance(tmp_path: Path) -> None:
    best = {}
    samplers: tuple[Sampler, ...] = ("tpe", "cmaes", "random")
    for sampler in samplers:
        found = []
        for seed in range(2):
            folder = tmp_path / f"{sampler}-{seed}"
            folder.mkdir()
            found.append(min(map(loss, searched(folder, sampler, 30, seed=seed))))
        best[sampler] = sum(found)
    assert best["tpe"] < best["random"]
    assert best["cmaes"] < best["random"]


def test_several_objectives_are_searched(tmp_path: Path) -> None:
    assert len(searched(tmp_path, "tpe", 14, space=MIXED, directions=("minimize", "maximize"))) == 14


def test_a_journal_of_another_space_is_refused(tmp_path: Path) -> None:
    searched(tmp_path, "random", 2)
    with pytest.raises(ValueError, match="must be the journal of this search; it has another space"):
        Journal(tmp_path, "made", ["minimize"], MIXED)
    (tmp_path / NAME).write_text("{}\n")
    with pytest.raises(ValueError, match=r"must be the journal of this search; it cannot be read \(KeyError"):
        Journal(tmp_path, "made", ["minimize"], NUMBERS)


def test_optuna_reads_the_journal(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = Journal(tmp_path, "made", ["maximize"], NUMBERS)
    params: Params = {"rate": 0.01, "share": 0.25, "width": 8}
    for _ in range(4):
        journal.add(params, NUMBERS)
    journal.tell(0, Trial(0, params, {0: (1.0,), 1: (3.0,)}))
    journal.tell(1, Trial(1, params, {0: (0.5,)}, pruned=3))
    journal.tell(2, Trial(2, params, {0: None}))
    journal.tell(3, Trial(3, params, {0: None}, failed=True))
    study = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(tmp_path / NAME))))
    assert [(trial.state.name, trial.value) for trial in study.trials] == [
        ("COMPLETE", 2.0),
        ("PRUNED", 0.5),
        ("PRUNED", None),
        ("FAIL", None),
    ]
    assert study.trials[1].intermediate_values == {3: 0.5}
    assert study.best_trial.params == params
