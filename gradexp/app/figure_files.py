"""The files that figures are written to, as a configuration asks."""

from collections.abc import Iterator
from contextlib import contextmanager

from omegaconf import DictConfig


@contextmanager
def figure_files(cfg: DictConfig) -> Iterator[None]:
    """Within it, figures have the formats `figure_format` and the size `figure_size`."""
    from gradexp.figures.output import figures_as  # imports matplotlib

    with figures_as(cfg.get("figure_format") or "png", cfg.get("figure_size")):
        yield
