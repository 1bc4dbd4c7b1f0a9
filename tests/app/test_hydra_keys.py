"""Hydra's own keys work in single runs and in multiruns, or are refused by name before anything is written."""

import json
from pathlib import Path

import pytest

from gradexp import run
from tests.command_line import call
from tests.sweeps.small import UNREPORTED

TINY = ("trainer.max_epochs=1", "model.hidden=[3]", "test=false", "figures=false", "progress=false")


@pytest.mark.parametrize(
    ("sweep", "options"),
    [
        (False, ["hydra/job_logging=disabled", "hydra.output_subdir=null", "hydra.verbose=true"]),
        (False, ["hydra/hydra_logging=disabled", "hydra/job_logging=stdout", "hydra.output_subdir=theirs"]),
        (True, ["hydra/job_logging=disabled", "hydra/hydra_logging=disabled"]),
        (True, ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null"]),
    ],
    ids=str,
)
def test_logging_and_output_subdir(sweep: bool, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    place = ("-m", "hydra.sweep.dir=sweep", "seed=0,1", UNREPORTED) if sweep else ("hydra.run.dir=run",)
    assert call(monkeypatch, *place, *TINY, *options) is None
    for folder in (Path("sweep/0"), Path("sweep/1")) if sweep else (Path("run"),):
        assert json.loads((folder / "metrics.json").read_text())["status"] == "completed"
        assert (folder / ".hydra" / "config.yaml").is_file()


def test_chdir_is_refused_by_name(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ([], ["-m", "seed=0,1"], ["-m", "seed=0,1", "hydra/sweeper=basic"]):
        message = call(monkeypatch, *mode, *TINY, "hydra.job.chdir=true")
        assert "hydra.job.chdir must be false" in str(message)
    with pytest.raises(ValueError, match=r"hydra\.job\.chdir must be false"):
        run(*TINY, "hydra.job.chdir=true")
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["hydra/launcher=vectorized", "hydra.launcher._target_=no.Thing"], "Type hydra/launcher=NAME, one of basic, "),
        (["hydra.sweeper._target_=no.Thing"], "Type hydra/sweeper=NAME, one of grid, optuna"),
        (["task=report", "sweep_dir=.,tests"], "task=report must be a single run, of one sweep_dir; got a multirun."),
        (["task=train,compare", "compare.folders=[.]"], "task=compare must be a single run, of any compare.folders"),
    ],
    ids=str,
)
def test_what_no_multirun_can_have_is_refused_in_one_line(
    typed: list[str], words: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = str(call(monkeypatch, "-m", *typed))
    assert message.startswith("error: ")
    assert words in message
    assert "\n" not in message
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize("folder", ["~two words/Größe", "it's a=b,c[1]"])
def test_a_folder_may_have_any_name(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gradexp.sweeps.plan.axes import text

    assert call(monkeypatch, *TINY, f"hydra.run.dir={text(folder)}") is None
    assert capsys.readouterr().out.splitlines()[-1] == f"folder: {folder}"
    sweep = ("-m", f"hydra.sweep.dir={text(f'{folder}/sweep')}", "seed=0,1", UNREPORTED)
    assert call(monkeypatch, *sweep, *TINY) is None
    found = [path.parent for path in Path().rglob("metrics.json")]
    assert sorted(found) == sorted([Path(folder), Path(folder, "sweep/0"), Path(folder, "sweep/1")])


def test_jobs_of_another_sweeper_have_folders_of_their_own(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    basic = ("-m", "hydra/sweeper=basic", "hydra.sweep.dir=sweep", "seed=0,1")
    message = call(monkeypatch, *basic, *TINY, "hydra.sweep.subdir=mine")
    assert "hydra.sweep.subdir must differ between jobs" in str(message)
    message = call(monkeypatch, *basic, *TINY, "hydra.sweep.subdir=${hydra.job.num}/${seed}")
    assert "hydra.sweep.subdir must be one folder in the sweep's" in str(message)
    assert list(own_folder.iterdir()) == []
    message = call(monkeypatch, *basic, *TINY, "hydra.sweep.dir=same", "hydra.sweep.subdir=${name}")
    assert "got 'default' for job 1, in which job 0 has run" in str(message)
    message = call(monkeypatch, *basic, *TINY, "hydra.sweep.dir=deep", "hydra.sweep.subdir=${monitor}")
    assert "hydra.sweep.subdir must be one folder in the sweep's, not several; got 'val/accuracy'" in str(message)
    assert call(monkeypatch, *basic, *TINY, "hydra.sweep.subdir=${seed}_of_mine") is None
    assert sorted(path.parent.name for path in Path("sweep").glob("*/metrics.json")) == ["0_of_mine", "1_of_mine"]
    assert Path("sweep/report.html").is_file()
