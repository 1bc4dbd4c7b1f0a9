"""A run from Python leaves the process of its caller as it was, also inside another Hydra application or a thread."""

import json
import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from gradexp import compose, run, sweep
from tests.run_folder import checkpoint

SHORT = ("trainer.max_epochs=1", "test=false", "figures=false", "progress=false", "model.hidden=[3]")

RESOLVERS = ("direction", "run_folder", "sweep_folder", "core_count", "gpu_count", "jobs_at_once")


def snapshot() -> dict[str, Any]:
    """All that a caller can see of its process and that a run uses."""
    root = logging.getLogger()
    loggers = {"root": root, **{name: logging.getLogger(name) for name in ("caller", "caller.off")}}
    return {
        "logging": {
            name: (one.level, list(one.handlers), list(one.filters), one.propagate, one.disabled)
            for name, one in loggers.items()
        },
        "known handlers": [reference() for reference in vars(logging)["_handlerList"] if reference() in root.handlers],
        "warnings": list(warnings.filters),
        "random": random.getstate(),
        "numpy": repr(np.random.get_state()),  # the global stream, which a run seeds
        "torch": torch.get_rng_state().tolist(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warns only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
        "threads": torch.get_num_threads(),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "arguments": list(sys.argv),
        "hydra": (GlobalHydra.instance().hydra, HydraConfig.instance().cfg, JobRuntime.instance().get("name")),
        "resolvers": {name: BaseContainer._resolvers.get(name) for name in RESOLVERS},
        "version base": VersionBase.instance().version_base,
    }


@pytest.fixture
def caller(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """A caller with logging, seeds and settings of its own."""
    root, logger, off = logging.getLogger(), logging.getLogger("caller"), logging.getLogger("caller.off")
    handler = logging.FileHandler(own_folder / "caller.log", mode="w")  # which does not open again once it is closed
    monkeypatch.setattr(root, "handlers", [handler])
    monkeypatch.setattr(root, "level", logging.ERROR)
    monkeypatch.setattr(logger, "handlers", [logging.StreamHandler()])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    monkeypatch.setattr(logger, "filters", [lambda record: True])
    monkeypatch.setattr(off, "disabled", True)
    monkeypatch.setattr(sys, "argv", ["notebook", "--flag"])
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(BaseContainer, "_resolvers", dict(BaseContainer._resolvers))
    for name in RESOLVERS:
        OmegaConf.register_new_resolver(name, lambda *_: "the caller's", replace=True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(7)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the caller's")
        yield logger
    handler.close()
    torch.use_deterministic_algorithms(False)


def test_the_process_is_afterwards_as_before(caller: logging.Logger) -> None:
    before = snapshot()
    result = run(*SHORT, "hydra.run.dir=run", "seed=3")
    after = snapshot()
    for name, value in before.items():
        assert after[name] == value, name
    assert "network" in (result.folder / "gradexp.log").read_text(), "the run has written its own log"
    caller.error("still written")
    assert Path("caller.log").read_text() == "still written\n"
    assert before["random"] != random.Random(3).getstate()


def test_a_sweep_leaves_the_process_as_it_was(
    caller: logging.Logger, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()
    found = sweep(*SHORT, "~hydra.callbacks.write_report", "seed=3,4", "model.hidden=[2]")
    with pytest.raises(ValueError, match=r"optimizer.lr must be .*; got -1"):
        sweep(*SHORT, "optimizer.lr=1,-1")
    after = snapshot()
    for name, value in before.items():
        assert after[name] == value, name
    assert capfd.readouterr() == ("", ""), "the command's lines are the command's"
    assert "network" in (found.folder / "1" / "gradexp.log").read_text()
    assert not (found.folder / "report.html").exists()
    caller.error("still written")
    assert Path("caller.log").read_text() == "still written\n"


def test_the_callers_handlers_get_the_lines_of_its_other_threads(caller: logging.Logger) -> None:
    logging.getLogger().setLevel(logging.WARNING)
    ends, written = threading.Event(), 0

    def log_on() -> None:
        nonlocal written
        while not ends.wait(0.002):
            logging.getLogger("others").info("below the caller's level")
            logging.getLogger("others").warning(f"line {written}")
            written += 1

    thread = threading.Thread(target=log_on)
    thread.start()
    try:
        result = run(*SHORT)
    finally:
        ends.set()
        thread.join()
    assert Path("caller.log").read_text().splitlines() == [f"line {number}" for number in range(written)]
    assert "[gradexp" in (result.folder / "gradexp.log").read_text()
    assert "removeHandler" not in vars(logging.getLogger())


@pytest.mark.parametrize("overrides", [["data.batch_size=99999"], ["optimizer.lr=-1"], ["optimizer=none"], ["a b=1"]])
def test_also_after_an_error(overrides: list[str], caller: logging.Logger) -> None:
    before = snapshot()
    with pytest.raises(Exception):  # noqa: B017, PT011  # of several kinds
        run(*SHORT, *overrides)
    after = snapshot()
    for name, value in before.items():
        assert after[name] == value, name


@pytest.mark.parametrize("logging_options", ["hydra/job_logging=disabled", "hydra/job_logging=none"])
def test_logging_that_is_turned_off_is_on_again(logging_options: str, caller: logging.Logger) -> None:
    before = snapshot()
    result = run(*SHORT, logging_options)
    assert snapshot()["logging"] == before["logging"]
    assert result.metrics["status"] == "completed"
    assert not (result.folder / "gradexp.log").exists()


def test_another_hydra_application_goes_on(own_folder: Path) -> None:
    (own_folder / "conf").mkdir()
    (own_folder / "conf" / "config.yaml").write_text("width: 3\nname: theirs\n")
    store = ConfigStore.instance()
    store.store("config", {"their": "schema"})  # of the same name as our file
    store.store(group="optimizer", name="adam", node={"their": "schema"})
    try:
        with initialize_config_dir(str(own_folder / "conf"), job_name="theirs", version_base="1.2"):
            hydra, before = GlobalHydra.instance().hydra, snapshot()
            result = run(*SHORT, "optimizer.lr=0.002")
            assert compose("optimizer.lr=0.002").optimizer.lr == 0.002
            assert GlobalHydra.instance().hydra is hydra
            assert snapshot()["hydra"] == before["hydra"]
            assert snapshot()["version base"] == before["version base"]
            assert store.load("config.yaml").node == {"their": "schema"}
            del store.repo["config.yaml"]
            assert hydra_compose("config") == {"width": 3, "name": "theirs"}
    finally:
        store.repo.pop("config.yaml", None)
        del store.repo["optimizer"]
    assert OmegaConf.load(result.folder / ".hydra" / "config.yaml").optimizer.lr == 0.002


def test_runs_in_two_threads_give_what_they_give_alone(own_folder: Path) -> None:
    lines = {name: (*SHORT, f"seed={seed}", f"hydra.run.dir={name}") for seed, name in enumerate(("one", "two"))}
    threads = [threading.Thread(target=run, args=line) for line in lines.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, line in lines.items():
        run(*line[:-1], "hydra.run.dir=alone/" + name)
        together, alone = (json.loads((own_folder / p / "metrics.json").read_text()) for p in (name, f"alone/{name}"))
        assert {k: v for k, v in together.items() if "seconds" not in k} == {
            k: v for k, v in alone.items() if "seconds" not in k
        }
        first, second = checkpoint(own_folder / name), checkpoint(own_folder / "alone" / name)
        assert all(torch.equal(tensor, second["state_dict"][key]) for key, tensor in first["state_dict"].items())
