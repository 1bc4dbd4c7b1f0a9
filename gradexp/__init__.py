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
    from gradexp.auditing import audit as audit
    from gradexp.data import *  # noqa: F403  # what the package's __all__ lists
    from gradexp.models import *  # noqa: F403

_HOMES = {
    "Result": "gradexp.app.execution",
    "audit": "gradexp.auditing",
    "compose": "gradexp.app.composition",
    "run": "gradexp.app.experiment",
}
_PACKAGES = ("gradexp.data", "gradexp.models")


def __getattr__(name: str) -> "Any":
    if name == "__all__":
        return sorted([*_HOMES, *(exported for package in _PACKAGES for exported in import_module(package).__all__)])
    if name == "__version__":
        return _version()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    # Python also looks up submodules and its own dunder names here; these must not import torch.
    if not name.startswith("_") and name not in _modules():
        for package in map(import_module, _PACKAGES):
            if name in package.__all__:
                return getattr(package, name)
    raise AttributeError(f"module 'gradexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__getattr__("__all__"), "__version__"])


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
