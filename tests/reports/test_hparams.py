"""The HPARAMS tab, as TensorBoard's own code reads it from several runs below one folder."""

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from torch.utils.tensorboard import SummaryWriter

from gradexp import compose, run
from gradexp.configuration.values import plain
from gradexp.reports.hparams import changes_in_words, hyperparameters, write_hparams
from tests.run_folder import events


def read(folder: Path) -> tuple[backend_context.Context, RequestContext, api_pb2.Experiment]:
    """What TensorBoard's plugin finds below a folder."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context, request = backend_context.Context(TBContext(data_provider=provider)), RequestContext()
    content = context.hparams_metadata(request, "")
    return context, request, context.experiment_from_metadata(request, "", True, content, None)


def columns(folder: Path) -> list[str]:
    """The columns of settings, in TensorBoard's order."""
    return [info.name for info in read(folder)[2].hparam_infos]


def tab(folder: Path) -> tuple[set[str], set[str], dict[str, Any]]:
    """The columns of settings and of metrics, and each run's session: its status and its metrics by name."""
    context, request, experiment = read(folder)
    asked = api_pb2.ListSessionGroupsRequest(
        slice_size=99,
        allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        col_params=[{"metric": info.name} for info in experiment.metric_infos],
    )
    groups = list_session_groups.Handler(request, context, "", asked).run().session_groups
    sessions = {
        session.name: (
            api_pb2.Status.Name(session.status),
            {value.name.tag: value.value for value in session.metric_values},
        )
        for group in groups
        for session in group.sessions
    }
    settings = {info.name for info in experiment.hparam_infos}
    return settings, {info.name.tag for info in experiment.metric_infos}, sessions


def write(folder: Path, settings: dict[str, Any], metrics: dict[str, float], *logged: str, succeeded: bool) -> None:
    with SummaryWriter(str(folder)) as writer:
        for name in logged:
            writer.add_scalar(name, 9.0, 5)
        write_hparams(writer, settings, metrics, 5, logged, succeeded=succeeded)


def test_several_experiments_below_one_folder_fill_all_their_columns(tmp_path: Path) -> None:
    accuracy = {"best/val/accuracy": 0.5, "train/loss": 0.25}
    write(tmp_path / "a" / "1", {"lr": 0.5, "hidden": "8"}, accuracy, "test/accuracy", succeeded=True)
    write(tmp_path / "b" / "1", {"lr": 0.25, "degree": 3}, {"best/val/r2": 2.0}, "train/loss", succeeded=False)
    settings, metrics, sessions = tab(tmp_path)
    assert settings == {"lr", "hidden", "degree"}
    assert metrics == {"best/val/accuracy", "test/accuracy", "train/loss", "best/val/r2"}
    assert sessions == {
        "a/1": ("STATUS_SUCCESS", {**accuracy, "test/accuracy": 9.0}),
        "b/1": ("STATUS_FAILURE", {"best/val/r2": 2.0, "train/loss": 9.0}),
    }


def test_a_metric_that_was_logged_at_the_last_step_is_not_logged_again(tmp_path: Path) -> None:
    write(tmp_path / "tensorboard", {"lr": 0.5}, {"train/loss": 1.0}, "train/loss", succeeded=True)
    assert [(event.step, event.value) for event in events(tmp_path).Scalars("train/loss")] == [(5, 9.0)]


def test_a_diverged_run_is_a_failure_and_a_completed_one_a_success(tmp_path: Path) -> None:
    for name, lr, status in (("good", 0.1, "completed"), ("bad", 1e30, "diverged")):
        tiny = ("trainer.max_epochs=1", "figures=false", "test=false")
        result = run(*tiny, "optimizer=sgd", f"optimizer.lr={lr}", f"hydra.run.dir={tmp_path / name}")
        assert result.metrics["status"] == status
    _, metrics, sessions = tab(tmp_path)
    assert {name: status for name, (status, _) in sessions.items()} == {
        "good/tensorboard": "STATUS_SUCCESS",
        "bad/tensorboard": "STATUS_FAILURE",
    }
    assert "best/val/accuracy" in metrics


def test_settings_that_changed_at_a_resume_have_a_column_of_text() -> None:
    config = plain(compose())
    assert "resumed" not in hyperparameters(config, "Digits"), "only of runs that were resumed with changes"
    resumed = [
        {"step": 39, "key": "optimizer.lr", "old": 0.1, "new": 0.5},
        {"step": 78, "key": "early_stopping.patience", "old": None, "new": 3},
    ]
    words = "optimizer.lr 0.1, from step 39 on 0.5; early_stopping.patience None, from step 78 on 3"
    assert hyperparameters(config, "Digits", resumed)["resumed"] == changes_in_words(resumed) == words


@pytest.mark.parametrize(
    ("typed", "fold", "split_seed"),
    [
        (("seed=3",), None, None),
        (("seed=3", "data.split_seed=4"), None, 4),
        (("seed=3", "data.folds=5", "data.fold=2"), "2 of 5", 0),
    ],
)
def test_fold_and_seed_of_the_split_have_columns_of_one_type(
    typed: tuple[str, ...], fold: str | None, split_seed: int | None
) -> None:
    found = hyperparameters(plain(compose(*typed)), "Digits")
    assert (found["seed"], found.get("fold"), found.get("split_seed")) == (3, fold, split_seed)


def test_what_a_sweep_varies_has_a_column_whatever_it_is_and_nothing_else_has() -> None:
    config = plain(compose("optimizer=momentum", "optimizer.nesterov=true", "model.hidden=[]", "data.batch_size=64"))
    fixed = hyperparameters(config, "Digits")
    varied = {
        "optimizer": "momentum",  # the class is SGD, as that of optimizer=sgd
        "optimizer.nesterov": True,
        "optimizer.betas": [0.9, 0.99],
        "data.noise": 0.5,
        "model.hidden": [],
        "data.batch_size": 64,
        "model.init_gain": None,
    }
    found = hyperparameters(config, "Digits", varied=varied)
    assert fixed["optimizer"] == "SGD"
    assert found == {
        "experiment": fixed["experiment"],
        "optimizer": "momentum",
        "optimizer.nesterov": "true",
        "optimizer.betas": "[0.9, 0.99]",
        "data.noise": 0.5,
        "hidden": "none",
        "batch_size": 64,  # once, as in other runs
        "model.init_gain": "null",
    }
    assert {"lr", "momentum", "seed", "batch_size"} <= fixed.keys(), "a single run has all"


def test_a_sweeps_job_has_the_hyperparameters_that_were_typed_and_nothing_else_that_was() -> None:
    line = ("data=digits", "optimizer=momentum", "optimizer.nesterov=true", "optimizer.lr=0.5", "trainer.max_epochs=3")
    others = ("figures=false", "data_dir=x", "trainer.log_every_n_steps=5", "data.num_workers=0", "name=odd")
    group = ("+regularizer.group_lasso=1e-3", "model=mlp_classifier", "model.hidden=[8]", "seed=1")
    typed = dict(word.lstrip("+").split("=") for word in (*line, *others, *group))
    found = hyperparameters(plain(compose(*line, *others, *group)), "Digits", varied={"optimizer.lr": 0.5}, typed=typed)
    assert found == {
        "experiment": "odd",
        "data": "digits",
        "optimizer": "momentum",
        "optimizer.nesterov": "true",
        "max_epochs": 3,
        "seed": 1,
        "regularizer.group_lasso": 1e-3,
        "model": "mlp_classifier",
        "hidden": "8",
        "lr": 0.5,
    }


def test_what_differs_between_two_sweeps_has_a_column_and_what_varies_comes_first(tmp_path: Path) -> None:
    for optimizer in ("momentum", "nesterov"):
        for seed in (0, 1):
            typed = {"optimizer": optimizer, "seed": str(seed), "model.hidden": "[8]"}
            config = plain(compose(f"optimizer={optimizer}", f"seed={seed}", "model.hidden=[8]"))
            settings = hyperparameters(config, "Digits", varied={"seed": seed}, typed=typed)
            write(tmp_path / optimizer / str(seed), settings, {}, succeeded=True)
    assert columns(tmp_path / "momentum") == ["seed", "experiment", "hidden", "optimizer"]
    assert columns(tmp_path) == ["optimizer", "seed", "experiment", "hidden"]


def test_a_setting_that_a_run_does_not_have_has_no_column() -> None:
    found = hyperparameters(plain(compose("+experiment=himmelblau")), "NoData")
    assert not {"hidden", "activation", "output_activation", "init", "batch_size", "fold", "resumed"} & found.keys()
