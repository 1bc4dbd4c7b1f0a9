"""Registers our sweeper and launchers with Hydra, which accepts plugins from the package `hydra_plugins` only."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType

from hydra.core.plugins import Plugins
from hydra.plugins.plugin import Plugin

MODULE = "hydra_plugins.gradexp"


def register(*plugins: type[Plugin]) -> None:
    """Register classes with Hydra, whose `_target_` is then `hydra_plugins.gradexp.NAME`."""
    if find_spec("hydra_plugins") is None:  # no plugin is installed that would bring the package
        sys.modules["hydra_plugins"] = module_from_spec(ModuleSpec("hydra_plugins", None, is_package=True))
    module = sys.modules.setdefault(MODULE, ModuleType(MODULE))
    for plugin in plugins:
        setattr(module, plugin.__name__, plugin)
        plugin.__module__ = MODULE
        Plugins.instance().register(plugin)
