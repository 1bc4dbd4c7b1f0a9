"""Jobs on the vectorized launcher leave what they leave on the basic launcher, up to rounding.

`python -m tests.parity` compares as many random jobs as one likes; here are two dozen of them.
"""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.parity.compare import compared
from tests.parity.draw import KINDS, draw, write_tables

SEED, GROUPS, MEMBERS = 11089, 12, 2
# What the jobs of this seed have; after a change of what is drawn, another seed may be needed.
COVERED = (
    "model=mlp_classifier", "model=mlp_from_scratch", "model=mlp_regressor", "model=softmax_regression",
    "model=sigmoid_units", "model=logistic_regression", "model=linear_regression", "model=function_descent",
    "model.hidden=[150,60]", "model.dropout=", "model.input_dropout=", "model.init=", "torch.nn.PReLU",
    "data=digits", "data=table", "data=diabetes", "data.batch_size=null", "augmentation=", "optimizer=sgd",
    "optimizer=momentum", "optimizer=adam", "optimizer=rmsprop", "optimizer._target_=", "optimizer.lr=1e9",
    "scheduler=none", "scheduler=cosine", "scheduler=step", "scheduler=onecycle", "scheduler=plateau",
    "scheduler.warmup_steps=", "trainer.gradient_clip_val=", "trainer.check_val_every_n_epoch=", "loss=cross_entropy",
    "loss.label_smoothing=", "loss.class_weight=balanced", "regularizer.proximal=true", "regularizer.l1=",
    "regularizer.l2=", "+regularizer.group_lasso=", "early_stopping.patience=", "target_score=",
    "monitor=val/accuracy", "+callbacks=sparsity",
)  # fmt: skip
ALONE = [["optimizer=lbfgs", "model.hidden=[5]", "data=blobs", f"trainer.max_epochs={epochs}"] for epochs in (1, 2)]


@pytest.mark.slow
def test_jobs_leave_what_they_leave_alone(capfd: pytest.CaptureFixture[str]) -> None:
    write_tables()
    groups = [draw(Random(f"{SEED}/{number}"), MEMBERS, number % len(KINDS)) for number in range(GROUPS)]
    jobs = [job for group in groups for job in group]
    lines = [" ".join(job) for job in jobs]
    assert [one for one in COVERED if not any(one in line for line in lines)] == []
    verdicts = compared([*jobs[:7], *ALONE, *jobs[7:]], "jobs")
    assert {" ".join(one.job): one.faults for one in verdicts if one.faults and not one.is_sensitive} == {}
    assert [one.job for one in verdicts if not one.is_stacked and one.status != "failed"] == ALONE
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("one by one")]
    assert said == ["one by one: jobs of this shape, since LBFGS evaluates the objective several times a step"]
    statuses = [one.status for one in verdicts]
    assert statuses.count("completed") > GROUPS
    assert "diverged" in statuses
    assert sum(one.is_sensitive for one in verdicts) < MEMBERS


def test_folds_of_other_sizes_leave_what_they_leave_alone() -> None:
    """Of 100 samples the first of three folds holds out 34, the others 33: two stacks."""
    line = ["data=blobs", "data.num_samples=100", "data.folds=3", "model.hidden=[5]", "trainer.max_epochs=2"]
    jobs = [[*line, f"data.fold={fold}", f"data.split_seed={split}"] for fold in range(3) for split in (0, 1)]
    verdicts = compared(jobs, "jobs")
    assert [one.faults for one in verdicts] == [[]] * 6
    assert all(one.is_stacked for one in verdicts)


def test_fits_that_end_by_steps_leave_what_they_leave_alone() -> None:
    """An epoch has 5 steps: a limit that ends an epoch is one of epochs, one within an epoch is left to the job."""
    line = ["data=blobs", "data.num_samples=100", "data.batch_size=16", "model.hidden=[5]", "trainer.max_epochs=3"]
    rare = ["scheduler=cosine", "trainer.check_val_every_n_epoch=2"]
    limits = {10: (2, 10), 15: (3, 15), 50: (3, 15), -1: (3, 15), 7: (2, 7)}
    jobs = [[*line, "scheduler=onecycle", f"trainer.max_steps={limit}"] for limit in limits]
    jobs += [[*line, *rare, f"trainer.max_steps={limit}"] for limit in (5, 10)]
    verdicts = compared(jobs, "jobs")
    assert [one.faults for one in verdicts] == [[]] * 7
    assert [one.is_stacked for one in verdicts] == [True, True, True, True, False, True, True]
    for number, expected in enumerate([*limits.values(), (1, 5), (2, 10)]):
        found = json.loads(Path("jobs-vectorized", str(number), "metrics.json").read_text())
        assert (found["epochs"], found["steps"]) == expected


def test_fits_that_thresholds_end_leave_what_they_leave_alone() -> None:
    line = ["data=blobs", "data.num_samples=100", "model.hidden=[5]", "trainer.max_epochs=4", "monitor=val/loss"]
    ends = ["early_stopping.thresholds=[9,0.01,9]", "early_stopping.thresholds=[9,9,9]", "early_stopping.patience=3"]
    verdicts = compared([[*line, end, f"seed={seed}"] for end in ends for seed in (0, 1)], "jobs")
    assert [one.faults for one in verdicts] == [[]] * 6
    assert all(one.is_stacked for one in verdicts)
    epochs = [json.loads(path.read_text())["epochs"] for path in Path().glob("jobs-*/*/metrics.json")]
    assert Counter(epochs) == {2: 4, 4: 8}, "each job twice, alone and in a stack"
