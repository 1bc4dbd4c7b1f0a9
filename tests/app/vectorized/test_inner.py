"""Parts of a vectorized sweep on another launcher, and what it says of options that do not fit."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn
from omegaconf import OmegaConf, open_dict, read_write

from gradexp.app.composition import compose
from gradexp.app.vectorized import progress
from gradexp.app.vectorized.groups import Groups
from gradexp.app.vectorized.shape import shape
from gradexp.app.vectorized.task import StackTask
from gradexp.configuration.values import plain, plain_without_hydra
from gradexp.sweeps.launch import extras
from tests.app.vectorized.fitted import stack_sizes
from tests.command_line import call
from tests.sweeps.small import UNREPORTED, jobs, metrics

SMALL = (
    "-m",
    UNREPORTED,
    "model.hidden=[4]",
    "trainer.max_epochs=2",
    "data.batch_size=200",
    "hydra/launcher=vectorized",
)
# joblib runs its jobs in this process if n_jobs is 1.
PARTS = ("hydra.launcher.inner=joblib", "hydra.launcher.inner_options={n_jobs:1}", "hydra.launcher.processes=2")


def test_a_part_that_fails_is_launched_again_and_loses_no_job_of_another(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    sweep = (*SMALL, "seed=range(4)", "optimizer.lr=0.1,0.01")
    assert call(monkeypatch, *sweep, "hydra.sweep.dir=whole") is None
    run, calls = StackTask._run, 0

    def die(self: StackTask, *arguments: Any) -> JobReturn:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise RuntimeError("the process died\nadvice for programmers")
        return run(self, *arguments)

    monkeypatch.setattr(StackTask, "_run", die)
    assert call(monkeypatch, *sweep, *PARTS, "hydra.sweep.dir=parts") is None
    out, err = capfd.readouterr()
    assert "the launcher gave up; unfinished jobs are launched again: the process died\n" in out + err
    assert "advice" not in out + err
    assert "part 1 of 2 | stack 1 of 1 | 4 jobs | epoch 1/2 | best val/accuracy " in err
    assert sorted(int(job["folder"]) for job in jobs(Path("parts"))) == list(range(8))
    for number in range(8):
        assert metrics(number, Path("parts")) == metrics(number, Path("whole"))
        assert f"parts/{number}/tensorboard" in Path(f"parts/{number}/gradexp.log").read_text()
        assert Path(f"parts/{number}/.hydra/config.yaml").is_file()
    assert not Path("parts/.stacks").exists()


def test_no_stack_is_trained_after_a_failure_that_stops_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = stack_sizes(monkeypatch)
    stop = ("sweep.on_failure=stop", "hydra.launcher.max_members=1", "hydra.sweep.dir=sweep")
    line = (*SMALL, "seed=0,1", "monitor=val/accuracy,val/mse", *stop, "monitor_mode=max")
    assert "3 of 4 jobs have no result (1 failed, " in str(call(monkeypatch, *line))
    assert len(sizes) == 2  # not those of the jobs after it
    assert not Path("sweep/2/metrics.json").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("inner_options=3",), "hydra.launcher.inner_options must be a section of keys and values, or null; got 3"),
        (("inner_options={n_jobs:2}",), "inner_options must go with hydra.launcher.inner, a launcher that has options"),
        (
            ("inner=joblib", "inner_options={n_job:2}"),
            "got n_job, which is none. Did you mean n_jobs? Options of joblib",
        ),
        (("inner=joblib", "inner_options={n_jobs:many}"), "must be what joblib takes; got {n_jobs:many}: Value 'many'"),
        (("inner=joblib", "inner_options={n_jobs:0}"), "hydra.launcher.n_jobs must be a number of jobs at once, or -1"),
        (("inner=basic", "processes=2"), "hydra.launcher.processes must go with hydra.launcher.inner=forked, or anoth"),
        (
            ("inner=ray", "inner_options={ray:{int:{num_cpus:1}}}"),
            "{ray:{int:{num_cpus:1}}}: Key 'int' not in 'RayConf'",
        ),
        (("inner=submitit_slurm", "inner_options={nodes:2}"), "hydra.launcher.nodes must be 1"),
        (("n_jobs=2",), "n_jobs is not a key of the configuration. It belongs to hydra/launcher=joblib. Keys of hyd"),
    ],
)
def test_options_that_the_inner_launcher_does_not_take_are_named(
    options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [f"hydra.launcher.{option}" for option in options]
    assert words in str(call(monkeypatch, *SMALL, "seed=0,1", *given, "hydra.sweep.dir=sweep"))
    assert not Path("sweep").exists()


def test_an_inner_launcher_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if "joblib" in name else found(name))
    message = str(call(monkeypatch, *SMALL, "seed=0,1", "hydra.launcher.inner=joblib", "hydra.sweep.dir=sweep"))
    assert message.startswith("error: hydra_joblib_launcher must be installed for JoblibLauncher; it is not.")
    assert not Path("sweep").exists()


def lines(*jobs: tuple[str, ...], max_members: int | None = None) -> list[str]:
    """What is said of jobs with these overrides."""
    groups = Groups({}, {})
    for number, overrides in enumerate(jobs):
        config = compose(*overrides)
        groups.stacks.setdefault(shape(plain(config)), {})[number] = config
    return list(groups.lines(max_members))


def test_jobs_of_different_shapes_are_said_with_what_differs() -> None:
    widths = [(f"model.hidden=[{width}]", "optimizer.lr=0.1", f"data.batch_size={width}") for width in (4, 5, 6)]
    (line,) = lines(*widths)
    assert line == (
        "no gain: 3 of 3 jobs are alone in their shape; they differ in data.batch_size, model.hidden, "
        "which the jobs of a stack share"
    )
    unused = "hydra.launcher.max_members=4 has no effect: no jobs are trained at once"
    assert lines(*widths, max_members=4) == [line, unused]
    assert lines(*[(f"seed={seed}", *widths[0]) for seed in range(3)], widths[1], max_members=4) == []
    assert lines(widths[0]) == []  # the last job of a sweep that is resumed


def test_the_plain_values_of_a_job_are_those_of_its_task() -> None:
    config = compose("model.init=xavier_uniform", "trainer.max_epochs=3", "+metrics=f1")
    whole = config.copy()
    with read_write(whole), open_dict(whole):
        whole.hydra = {"job": "${name}", "run": "${missing}"}
    assert plain_without_hydra(whole) == plain(config)


def test_options_go_with_the_launcher_that_a_preset_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = ("+sweep=learning_rate_sensitivity", "optimizer=sgd", "optimizer.lr=0.1,0.2", "seed=0,1")
    line = (*SMALL[:-1], *preset, "hydra.launcher.max_members=3", "hydra.sweep.dir=sweep")
    sizes = stack_sizes(monkeypatch)
    assert call(monkeypatch, *line) is None
    assert sizes == [3, 1]
    assert OmegaConf.load("sweep/0/.hydra/hydra.yaml").hydra.launcher.max_members == 3
