"""Composes jobs by Hydra alone, and as sweeps do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gradexp.app.composer import Composer
from gradexp.app.section_loader import SectionLoader, class_sections
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.values import without_hydra

Compose = Callable[[list[str]], DictConfig]


@contextmanager
def started_hydra() -> Iterator[Hydra]:
    """Hydra as gradexp starts it."""
    with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        yield hydra


@contextmanager
def composing() -> Iterator[tuple[Composer, Compose]]:
    """The composer of a sweep's jobs, and a function that composes by Hydra without the cache."""
    with started_hydra() as hydra:
        loader: Any = hydra.config_loader
        composer = loader.composer(hydra.compose_config("config", overrides=[], run_mode=RunMode.MULTIRUN))
        yield composer, lambda overrides: composed_by_hydra(loader, overrides, RunMode.RUN)


def composed_by_hydra(loader: Any, overrides: list[str], mode: RunMode) -> DictConfig:
    """The configuration without any cache of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SectionLoader, "_merged_in_order", ConfigLoaderImpl._compose_config_from_defaults_list)
        composed: DictConfig = loader._composed("config", overrides, mode, True, True)
        return composed


def content(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without the section `hydra`."""
    values: dict[str, Any] = OmegaConf.to_container(without_hydra(cfg))  # type: ignore[assignment]
    return values
