"""Keys of swept groups: each job checks its own, and the message names the job whose option lacks a key."""

from pathlib import Path

import pytest

from gradexp.sweeps.launch import command
from tests.command_line import call
from tests.sweeps.dry_run import listed


@pytest.mark.parametrize(
    ("line", "jobs"),
    [
        ("optimizer=momentum,nesterov optimizer.momentum=0.5", 2),
        ("augmentation=affine,elastic augmentation.degrees=5", 2),
        ("regularizer=elastic_net,group_lasso regularizer.l1=0.5", 2),
        ("data=blobs,four_blobs data.num_samples=50", 2),
        ("optimizer._target_=torch.optim.SGD,torch.optim.RMSprop optimizer.momentum=0.5 optimizer.lr=0.1", 2),
        ("+metrics=f1 metrics.f1.average=macro seed=0,1", 2),
        ("+sweep.axes={augmentation:[affine,elastic]} augmentation.degrees=5,6", 4),
    ],
)
def test_a_key_that_each_option_has_is_known(
    line: str, jobs: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(listed(monkeypatch, capsys, *line.split())) == jobs


@pytest.mark.parametrize("sweeper", ["grid", "basic", "search"])
@pytest.mark.parametrize(
    ("line", "words", "job"),
    [
        ("optimizer=momentum,adam optimizer.momentum=0.5", "optimizer.momentum is not an argument of Adam", "adam"),
        ("augmentation=affine,none augmentation.degrees=5", "augmentation.degrees is not a key", "none"),
        ("augmentation=none,affine augmentation.degrees=5", "augmentation.degrees is not a key", "none"),
        ("scheduler=step,none scheduler.gamma=0.5", "scheduler.gamma must go with a class", "scheduler=none"),
        ("regularizer=group_lasso,l1 regularizer.group_lasso=1", "regularizer.group_lasso is not a key", "l1"),
        ("optimizer.lr=0.1,-1", "optimizer.lr must be a finite number above 0; got -1", "optimizer.lr=-1"),
    ],
)
def test_the_message_names_the_job_whose_option_lacks_the_key(
    line: str, words: str, job: str, sweeper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = str(call(monkeypatch, "-m", f"hydra/sweeper={sweeper}", *line.split()))
    assert message.startswith(f"error: {words}")
    assert "(In the job " in message
    assert job in message.partition("(In the job ")[2]


def test_a_key_that_no_section_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for line, words in {
        "trainer.max_epoch=3": "trainer.max_epoch is not a key of the configuration. Did you mean trainer.max_epochs?",
        "hydra.sweep.dirr=x": "hydra.sweep.dirr is not a key",
        "lr=3": "lr is not a key of the configuration. Did you mean optimizer.lr?",
    }.items():
        assert words in str(call(monkeypatch, "-m", "seed=0,1", line))


def test_a_command_says_that_it_checks_many_jobs(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "MANY_JOBS", 3)
    for line, said in {"seed=1,2": "", "seed=1,2,3": "checking 3 jobs\n"}.items():
        assert call(monkeypatch, "-m", line, "sweep.dry_run=true") is None
        assert capsys.readouterr().err == said
