"""Hydra's configuration loader, extended so that a class replaces its section (see class_sections.py).

A class typed as `GROUP._target_=CLASS` removes every key that YAML files set in the section. If a file, such as an
experiment, names a class other than the option's, the option's keys are removed and the file's are kept.

Only this module depends on the internals of Hydra's loader; tests/app/test_section_loader.py fails if Hydra no longer
calls the methods that are overridden here.
"""

import copy
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from typing import Any

import hydra._internal.hydra as hydra_app
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.utils import JobRuntime
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from gradexp.app.class_overrides import add_without_plus, may_have_other_keys, typed_sections
from gradexp.app.composer import Composer
from gradexp.app.composition_cache import Repository, cached, lines, parsed, without_plain
from gradexp.app.file_classes import changes, is_option_of
from gradexp.app.section_overrides import check_sections
from gradexp.configuration.class_sections import CUSTOM, TARGET, check_rivals
from gradexp.configuration.files import CONF_DIR
from gradexp.sweeps.launch.jobs import launcher_of_preset

# Our launcher presets have the names of the plugins' own presets; Hydra validates them against these and warns.
NAMED_LIKE_PRESETS = r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema"
# Keys that Hydra sets after the overrides, and the key that adds folders of files.
SET_BY_HYDRA = ("hydra.job", "hydra.runtime", "hydra.overrides", "hydra.searchpath")


@contextmanager
def class_sections() -> Iterator[None]:
    """Within this context, Hydra composes with SectionLoader."""
    names = vars(hydra_app)  # where Hydra.create_main_hydra2 looks up its loader
    original = names["ConfigLoaderImpl"]
    names["ConfigLoaderImpl"] = SectionLoader
    try:
        yield
    finally:
        names["ConfigLoaderImpl"] = original


class SectionLoader(ConfigLoaderImpl):
    """Composes as Hydra does, but replaces a section whose class is set.

    Launchers pickle the loader for their workers, which therefore need no patch.
    """

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        typed = parsed(overrides)
        if self._reads_conf_alone() and not any(o.key_or_group.startswith(SET_BY_HYDRA) for o in typed):
            with suppress(ConfigCompositionException):  # Hydra raises it below: of several errors, the first
                if validate_sweep_overrides:
                    self.validate_sweep_overrides_legal(typed, run_mode, from_shell)
                return self._from_cache(config_name, typed, run_mode)
        return self._composed(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)

    def _from_cache(self, config_name: str | None, typed: list[Override], run_mode: RunMode) -> DictConfig:
        """Set plain values in the cached composition of the other overrides."""
        is_open = may_have_other_keys(typed, run_mode)
        plain, rest = without_plain(typed, self.repository.group_exists)
        if not any(map(typed_sections, rest)):  # Hydra ignores axes; they matter only to check classes
            rest = [override for override in rest if not override.is_sweep_override()]
        key = (config_name, JobRuntime.instance().get("name"), _stored(), is_open and bool(rest), *lines(rest))
        cfg = cached(key, lambda: self._composed(config_name, lines(rest), run_mode, True, False))
        check_sections(plain, cfg)
        add_without_plus(plain, cfg, is_open)
        added = [
            o for o in rest if (o.is_add() or o.is_force_add()) and not self.repository.group_exists(o.key_or_group)
        ]
        if added and any(o.is_force_add() and not _has_key(cfg, o.key_or_group) for o in plain):
            # Added keys keep the order in which they are typed, which only Hydra's composition does.
            return self._composed(config_name, lines(typed), run_mode, True, False)
        self._apply_overrides_to_config(plain, cfg)
        asked = [override for override in typed if not override.is_hydra_override()]
        cfg.hydra.overrides.task = lines(asked)
        cfg.hydra.overrides.hydra = lines([override for override in typed if override.is_hydra_override()])
        job = cfg.hydra.job
        job.override_dirname = get_overrides_dirname(asked, **job.config.override_dirname)
        cfg.hydra.runtime.cwd = os.getcwd()  # noqa: PTH109
        return cfg

    def _reads_conf_alone(self) -> bool:
        """Whether conf/ is the only folder that is read; the cache does not notice changes to other files."""
        paths = [str(entry.path).removeprefix("file://") for entry in self.config_search_path.get_path()]
        return [path for path in paths if not path.startswith(("pkg://", "structured://"))] == [str(CONF_DIR)]

    def _composed(self, name: str | None, overrides: list[str], run_mode: RunMode, *further: bool) -> DictConfig:
        """Compose all files and overrides by Hydra, without the cache."""
        self._custom: set[str] = set()
        self._is_open = may_have_other_keys(parsed(overrides), run_mode)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=NAMED_LIKE_PRESETS)
            cfg = super().load_configuration(name, overrides, run_mode, *further)
        choices = cfg.hydra.runtime.choices
        choices.update({group: CUSTOM for group in self._custom if group in choices})
        return cfg

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The configuration of a job, with the launcher of the sweep also where a preset has chosen it.

        A job's command line has no preset, and typed options of the launcher need the launcher that they belong to.
        """
        return super().load_sweep_config(master_config, [*launcher_of_preset(master_config), *sweep_overrides])

    def composer(self, config: DictConfig) -> Composer:
        """The composer of the jobs of a multirun with this configuration."""
        parser = OverridesParser.create(config_loader=self)
        return Composer(lambda overrides: self.load_sweep_config(config, overrides), parser)

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        self._overrides = parsed(overrides)
        repo = Repository(self.repository)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="provider=hydra.searchpath")  # of what is refused here
            self._process_config_searchpath(config_name, self._overrides, repo)
        for source in repo.get_sources():
            if source.provider.startswith("hydra.searchpath") and not source.available():
                raise ConfigCompositionException(
                    f"hydra.searchpath must be folders that exist; got {source.scheme()}://{source.path}. A file of "
                    "your own, FOLDER/optimizer/NAME.yaml, is found by hydra.searchpath=[file://FOLDER]."
                )
        for override in self._overrides:
            check_option(override, repo)
        return self._overrides, repo

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge all YAML files; Hydra applies the overrides afterwards."""
        typed = sorted({section for override in self._overrides for section in typed_sections(override)})
        axes = [override.key_or_group for override in self._overrides if override.is_sweep_override()]
        check_rivals(axes, [f"{section}.{TARGET}" for section in typed])
        cfg = self._merged(defaults, repo)
        for section in typed:
            if section.partition(".")[0] in cfg:
                OmegaConf.update(cfg, section, {TARGET: "???"}, merge=False)
                self._custom.add(section)
        check_sections([o for o in self._overrides if not repo.group_exists(o.key_or_group)], cfg)
        add_without_plus(self._overrides, cfg, self._is_open)
        return cfg

    def _merged(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge the files in order; a file that changes the class of a section also discards its earlier keys."""
        changed = list(changes(defaults, repo))
        if not changed:
            return self._merged_in_order(defaults, repo)
        typed_options = {o.key_or_group for o in self._overrides if o.type is OverrideType.CHANGE}
        cfg = OmegaConf.create()
        kept: dict[str, Any] = {}
        start = 0
        for index, section in changed:
            cfg.merge_with(self._merged_in_order(defaults[start:index], repo))
            start = index
            is_option = is_option_of(defaults[index], section)
            if section in typed_options and not is_option:  # a typed option takes precedence over any file
                kept.setdefault(section, copy.deepcopy(OmegaConf.select(cfg, section)))
                continue
            OmegaConf.update(cfg, section, {}, merge=False)
            (self._custom.discard if is_option else self._custom.add)(section)
        cfg.merge_with(self._merged_in_order(defaults[start:], repo))
        for section, node in kept.items():
            OmegaConf.update(cfg, section, node, merge=False)
        return cfg

    def _merged_in_order(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge files as Hydra does. Its own files come first, are most of the work, and are taken from the cache."""
        merge = super()._compose_config_from_defaults_list
        own = list(takewhile(lambda default: str(default.config_path).startswith("hydra/"), defaults))
        sources = tuple((source.scheme(), source.path) for source in repo.get_sources())
        if not own or any(scheme == "file" and path != str(CONF_DIR) for scheme, path in sources):
            return merge(defaults, repo)
        key = sources, _stored(), *((d.config_path, d.package, d.is_self, d.primary) for d in own)
        cfg = cached(key, lambda: merge(own, repo))
        try:
            with flag_override(cfg, "no_deepcopy_set_nodes", True):
                cfg.merge_with(merge(defaults[len(own) :], repo))
        except OmegaConfBaseException:
            assert isinstance(repo, Repository)
            repo.cache.clear()  # the files that it holds have been merged into each other
            return merge(defaults, repo)  # Hydra's error names the file
        return cfg


def _has_key(cfg: DictConfig, key: str) -> bool:
    section, _, name = key.rpartition(".")
    node = OmegaConf.select(cfg, section) if section else cfg
    return isinstance(node, DictConfig) and name in node


def _stored() -> tuple[int, ...]:
    """What identifies the nodes that programs have stored in Hydra's ConfigStore, which are read like files."""
    return tuple(map(id, _nodes(ConfigStore.instance().repo)))


def _nodes(repo: Mapping[str, Any]) -> Iterator[Any]:
    """The nodes of a ConfigStore, which nests them by group."""
    for value in repo.values():
        if isinstance(value, Mapping):
            yield from _nodes(value)
        else:
            yield value


def check_option(override: Override, repo: IConfigRepository) -> None:
    """Check that the option typed for a group can name one.

    Raises:
        ConfigCompositionException: It is a number or null.
    """
    group = override.key_or_group
    if override.is_delete() or override.is_sweep_override() or not repo.group_exists(group):
        return
    value = override.value()
    is_list_of_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    if not (is_list_of_names or isinstance(value, str | dict)):
        options = ", ".join(repo.get_group_options(group))
        raise ConfigCompositionException(f"{group} must be one of {options}; got {override.input_line}.")
