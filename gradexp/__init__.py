"""gradexp: experiments in learning by gradients, on Lightning, Hydra and TensorBoard.

It exports the names below and all names that gradexp.data and gradexp.models export. A name is imported when it is
first used, so `import gradexp` is cheap.
"""

from functools import cache
from importlib import import_module

TYPE_CHECKING = False  # not from typing, whose import takes longer than this file: Ctrl-C is not handled yet
if TYPE_CHECKING:
    from typing import Any

    from gradexp.app.composition import compose as compose
    from gradexp.app.execution import Result as Result
    from gradexp.app.experiment import run as run
    from gradexp.app.load_model import LoadedModel as LoadedModel
    from gradexp.app.load_model import load as load
    from gradexp.app.multirun import sweep as sweep
    from gradexp.auditing import audit as audit
    from gradexp.data import *  # noqa: F403  # what the package's __all__ lists
    from gradexp.models import *  # noqa: F403
    from gradexp.sweeps.report.sweep import Sweep as Sweep
    from gradexp.sweeps.report.sweep import load_sweep as load_sweep

_HOMES = {
    "LoadedModel": "gradexp.app.load_model",
    "Result": "gradexp.app.execution",
    "Sweep": "gradexp.sweeps.report.sweep",
    "audit": "gradexp.auditing",
    "compose": "gradexp.app.composition",
    "load": "gradexp.app.load_model",
    "load_sweep": "gradexp.sweeps.report.sweep",
    "run": "gradexp.app.experiment",
    "sweep": "gradexp.app.multirun",
}
_PACKAGES = ("gradexp.data", "gradexp.models")


def __getattr__(name: str) -> "Any":
    if name == "__all__":
        return sorted([*_HOMES, *(exported for package in _PACKAGES for exported in _imported(package).__all__)])
    if name == "__version__":
        return _version()
    if name in _HOMES:
        return getattr(_imported(_HOMES[name]), name)
    # Python also looks up submodules and its own dunder names here; these must not import torch.
    if not name.startswith("_") and name not in _modules():
        for package in map(_imported, _PACKAGES):
            if name in package.__all__:
                return getattr(package, name)
    raise AttributeError(f"module 'gradexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__getattr__("__all__"), "__version__"])


def _imported(module: str) -> "Any":
    """Import a module without a trace in Python's random stream, from which Lightning draws when it is imported."""
    import random

    state = random.getstate()
    try:
        return import_module(module)
    finally:
        random.setstate(state)


@cache
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # takes longer than the rest of this file

    try:
        return version("gradexp")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


@cache
def _modules() -> frozenset[str]:
    from pkgutil import iter_modules

    return frozenset(module.name for module in iter_modules(__path__))  # noqa: F405  # an attribute of every package
