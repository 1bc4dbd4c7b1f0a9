"""Jobs composed by Hydra itself, for a test to hold quicker ways against."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.app.section_loader import class_sections
from gradexp.configuration.files import CONF_DIR


@contextmanager
def started_hydra() -> Iterator[Hydra]:
    """Hydra as gradexp starts it."""
    with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra


@contextmanager
def composed_by_hydra() -> Iterator[Callable[[list[str]], DictConfig]]:
    """What composes a job of a sweep, as launchers do."""
    with started_hydra() as hydra:
        master = hydra.compose_config("config", overrides=[], run_mode=RunMode.MULTIRUN)
        yield lambda overrides: hydra.config_loader.load_sweep_config(master, overrides)


def content(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without Hydra's own part."""
    found: dict[str, Any] = OmegaConf.to_container(OmegaConf.masked_copy(cfg, [str(k) for k in cfg if k != "hydra"]))  # type: ignore[assignment]
    return found
