"""Which YAML files of a composition change the class of a section."""

from collections.abc import Iterator, Sequence
from typing import Any

from hydra._internal.config_repository import IConfigRepository
from hydra.core.default_element import ResultDefault
from omegaconf import DictConfig, OmegaConf

from gradexp.building.kinds import CLASS_GROUPS, NAMED_CLASSES
from gradexp.configuration.class_sections import classes_in


def changes(defaults: Sequence[ResultDefault], repo: IConfigRepository) -> Iterator[tuple[int, str]]:
    """The index of each file that changes the class of a section, with the section.

    Files of the section's own group are exempt: an option that lists another option in its defaults extends it.
    """
    classes: dict[str, tuple[Any, bool]] = {}
    for index, default in enumerate(defaults):
        for section, name in _classes_of(default, repo):
            is_option = is_option_of(default, section)
            before, was_option = classes.get(section, (name, is_option))
            if before != name and not (is_option and was_option):
                yield index, section
            classes[section] = (name, is_option)


def is_option_of(default: ResultDefault, section: str) -> bool:
    """Whether the file is an option of the section's own group."""
    return str(default.config_path).startswith(f"{section.partition('.')[0]}/")


def _classes_of(default: ResultDefault, repo: IConfigRepository) -> Iterator[tuple[str, Any]]:
    """The sections whose class a file sets, with the class."""
    path = default.config_path
    loaded = None if path is None or path.startswith("hydra/") else repo.load_config(path)
    if loaded is None or not isinstance(loaded.config, DictConfig):
        return
    package = loaded.header["package"] if default.package is None else default.package
    if package in (None, "", "_global_"):
        names = [name for name in (*CLASS_GROUPS, *NAMED_CLASSES) if name in loaded.config]
        yield from classes_in("", OmegaConf.to_container(OmegaConf.masked_copy(loaded.config, list(names))))
    elif package.partition(".")[0] in (*CLASS_GROUPS, *NAMED_CLASSES):
        yield from classes_in(package, OmegaConf.to_container(loaded.config))
