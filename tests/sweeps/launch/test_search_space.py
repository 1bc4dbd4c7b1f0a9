"""The space of a search as Hydra writes it, and the messages for what cannot be searched."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from gradexp.sweeps.launch.search_plan import plan_search
from gradexp.sweeps.launch.search_space import dimension
from gradexp.sweeps.search.space import Dimension, from_plain, settings, size
from tests.command_line import call
from tests.hydra_jobs import started_hydra

MULTIRUN = RunMode.MULTIRUN
RATE = "optimizer.lr=interval(1e-4,1e-1)"
SPACES = {
    "interval(1e-4,1e-1)": Dimension(1e-4, 1e-1),
    "tag(log,interval(1e-4,1e-1))": Dimension(1e-4, 1e-1, log=True),
    "interval(1,8)": Dimension(1.0, 8.0),
    "int(interval(1,8))": Dimension(1, 8),
    "tag(log,int(interval(1,8)))": Dimension(1, 8, log=True),
    "tag(int,log,interval(1,8))": Dimension(1, 8, log=True),
    "range(2,10,3)": Dimension(2, 8, 3),
    "range(10,2,-3)": Dimension(4, 10, 3),
    "range(0.1,0.5,0.1)": Dimension(0.1, 0.4, 0.1),
    "1e-2,1e-3": Dimension(choices=("0.01", "0.001")),
    "choice(relu,'a b',[1,2])": Dimension(choices=("relu", "a\\ b", "[1,2]")),
    "shuffle(range(1,3))": None,
}
REFUSED = {
    "optimizer.lr=interval(0.1,0.1)": "optimizer.lr must have an interval from a smaller to a larger number; got",
    "optimizer.lr=interval(1,0)": "optimizer.lr must have an interval from a smaller to a larger number; got",
    "optimizer.lr=tag(log,interval(0,1))": "optimizer.lr must have an interval above 0 with the tag log; got",
    "optimizer.lr=tag(int,interval(0.5,2))": "optimizer.lr must have an interval of whole numbers; got",
    "optimizer.lr=tag(logarithm,interval(1,2))": "optimizer.lr must have no other tags than log, int; got",
    "optimizer.lr=0.1,0.1": "optimizer.lr must have different values; got 0.1,0.1.",
    "optimizer=glob(ada*)": "optimizer must have its values listed in a search: optimizer=adagrad,adam,adamw.",
    "seed=0,1,2": "seed must have one value in a search, which chooses settings by their means. search.seeds=3 gives",
    "data.fold=0,1": "data.fold must have one value in a search",
    "search.trials=10,20": "search.trials must have one value for all jobs.",
    "trainer.max_epochs=3": "a search must have a space: keys with an interval or several values, such as 'optimizer.l",
}
# Each with the space RATE.
REFUSED_SEARCHES = {
    "search.sampler=cma": "search.sampler must be one of tpe, cmaes, qmc, random; got 'cma'. Did you mean cmaes?",
    "search.trials=0": "search.trials must be a whole number of at least 1; got 0.",
    "search.seeds=0": "search.seeds must be a whole number from 1 to 100; got 0.",
    "search.sampler=cmaes": "search.sampler must be tpe, qmc or random for one key; CMA-ES needs two or more",
    "search.sampler=cmaes optimizer=sgd,adam": "for a space with lists of values, such as optimizer; CMA-ES searches",
    "search.monitors=[val/loss]": "search.monitors must be two or more different metrics, such as [val/loss,par",
    "search.monitors=[val/loss,val/f2]": 'which way val/f2 is better, which the metric itself does not; type "sea',
    "search.monitors=[val/loss,{val/f2:up}]": "search.monitors must be a list of metrics",
    "search.monitors=[val/loss,val/accuracy] search.pruning=true": "search.pruning must be false or auto with several",
    "sweep.zip=[optimizer,optimizer.lr]": "sweep.zip must go with a grid; a search has zip=",
    "monitor=val/f3": "monitor must be a metric that the run logs",
    "regularizer.l2=interval(-1,1)": "regularizer.l2 must be a finite number of at least 0; got -1.0. (In the job",
}


def test_spaces_are_typed_as_hydras() -> None:
    parser = OverridesParser.create()
    for line, expected in SPACES.items():
        found = dimension(parser.parse_override(f"key={line}"))
        assert found == expected or (expected is None and sorted(found.choices) == ["1", "2"]), line
        assert from_plain({"key": {**vars(found), "choices": list(found.choices)}}) == {"key": found}


def test_a_finite_space_is_counted_and_listed() -> None:
    space = {"one": Dimension(2, 8, 3), "other": Dimension(0.1, 0.4, 0.1), "last": Dimension(choices=("a", "b"))}
    listed = list(settings(space))
    assert size(space) == len(listed) == 3 * 4 * 2
    assert listed[-1] == {"one": 8, "other": 0.4, "last": "b"}
    assert size({**space, "more": Dimension(0.0, 1.0)}) == float("inf")


def test_what_is_proposed_is_rounded_within_the_interval() -> None:
    assert Dimension(0.0, 0.1234567).rounded(0.1234567) == 0.1234567
    assert Dimension(0.0, 1.0).rounded(0.1234567891) == 0.123457
    assert Dimension(1, 8).rounded(3.0) == 3


def test_what_cannot_be_searched_is_refused() -> None:
    with started_hydra() as hydra:
        loader: Any = hydra.config_loader  # ours
        for line, words in {**REFUSED, **{f"{RATE} {more}": text for more, text in REFUSED_SEARCHES.items()}}.items():
            typed = line.split()
            config = loader.load_configuration("config", ["hydra/sweeper=optuna"], run_mode=MULTIRUN)
            with pytest.raises(Exception) as caught:  # noqa: PT011  # the words are compared below
                plan_search(typed, loader.composer(config))
            said = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
            assert words in said, f"{line}: {said}"


def test_a_preset_gives_a_space_and_pruning_is_off_with_a_schedule_over_the_whole_fit() -> None:
    with started_hydra() as hydra:
        loader: Any = hydra.config_loader  # ours
        config = loader.load_configuration("config", ["hydra/sweeper=optuna"], run_mode=MULTIRUN)
        for line, pruning in (("scheduler=none", True), ("scheduler=onecycle", False), ("scheduler=cosine", False)):
            plan, search = plan_search(["+sweep.axes={optimizer.lr:[0.1,0.2]}", line], loader.composer(config))
            assert search["pruning"] is pruning, line
            assert search["space"]["optimizer.lr"]["choices"] == ["0.1", "0.2"]
            assert plan.monitor_mode == "max"
        _, off = plan_search([RATE, "search.pruning=false"], loader.composer(config))
        assert off["pruning"] is False


def test_keys_of_a_search_go_with_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    message = call(monkeypatch, "-m", "optimizer.lr=0.1,0.2", "search.trials=3", "hydra.sweep.dir=sweep")
    assert message == "error: the keys of a search must go with hydra/sweeper=optuna; got search.trials=3 without it."
    basic = ("-m", "hydra/sweeper=basic", "optimizer.lr=0.1,0.2", "search.seed=3")
    assert "got search.seed=3 without it" in str(call(monkeypatch, *basic))
    assert "add -m" in str(call(monkeypatch, "search.trials=3"))
    assert not Path("sweep").exists()


def test_a_dry_run_shows_the_space(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("-m", "hydra/sweeper=optuna", "optimizer.lr=tag(log,interval(1e-4,1e-1))", "hydra.sweep.dir=sweep")
    assert call(monkeypatch, *line, "sweep.dry_run=true") is None
    said = capsys.readouterr().out
    assert "search: 40 trials by tpe, 3 seeds of the best 5" in said
    assert "optimizer.lr: 0.0001 to 0.1, logarithmic" in said
    assert not Path("sweep").exists()
