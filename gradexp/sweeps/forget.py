"""What a long sweep need not remember."""

from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class ForgetConfiguration(Callback):
    """Drops the configurations that Hydra's launchers keep of every job until the last one ends, 0.2 MB a job."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        job_return.cfg = job_return.hydra_cfg = None
