"""Jobs that BasicLauncher runs, beside those of Hydra's own launcher."""

from pathlib import Path
from typing import Any

import yaml
from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_launcher import BasicLauncher as Hydras
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.app.own_hydra import own_hydra
from gradexp.sweeps.launch.jobs import BasicLauncher

OPTIONS = [
    "hydra.mode=MULTIRUN", "name=some", "hydra.output_subdir=record", "~hydra.callbacks.check_before_run",
    "~hydra.callbacks.write_report", "~hydra.callbacks.forget_configuration",
]  # fmt: skip


def _jobs(launcher: Launcher, sweep: str) -> list[Any]:
    """What the task of each job sees, what Hydra is told of it, and what is recorded."""
    jobs: list[Any] = []

    def task(cfg: DictConfig) -> int:
        job: Any = HydraConfig.get()
        folder = Path(job.runtime.output_dir).relative_to(Path(sweep).absolute())
        seen = [str(folder), job.job.num, job.overrides.task, OmegaConf.is_readonly(job)]
        jobs.append([OmegaConf.to_container(cfg, resolve=True), *seen])
        if cfg.seed == 4:
            raise ValueError("four")
        return int(cfg.seed)

    with own_hydra() as hydra:
        config = hydra.compose_config("config", [*OPTIONS, f"hydra.sweep.dir={sweep}"], RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        launcher.setup(hydra_context=context, task_function=task, config=config)
        before = HydraConfig.instance().cfg
        returns = launcher.launch([["seed=3", "optimizer.lr=0.1"], ["optimizer=sgd", "seed=4"]], 7)
        assert HydraConfig.instance().cfg is before
    for job, one in zip(jobs, returns, strict=True):
        record = [
            yaml.safe_load(path.read_text().replace(sweep, ""))
            for path in sorted(Path(sweep, job[1], "record").iterdir())
        ]
        job += [one.status, one.cfg, one.overrides, one.task_name, one.working_dir, repr(one._return_value), record]
    return jobs


def test_jobs_are_those_of_hydras_launcher(own_folder: Path) -> None:
    ours, hydras = _jobs(BasicLauncher(), "sweep_a"), _jobs(Hydras(), "sweep_b")
    for one, other in zip(ours, hydras, strict=True):
        assert one == other
    assert [job[5] for job in ours] == [JobStatus.COMPLETED, JobStatus.FAILED]
