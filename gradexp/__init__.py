"""gradexp: experiments in learning by gradients, on Lightning, Hydra and TensorBoard.

Names are imported when they are first used, so that `import gradexp` costs nothing.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradexp.config import compose
    from gradexp.data import EMNIST, KMNIST, MNIST, Digits, FashionMNIST
    from gradexp.experiment import Result, run
    from gradexp.models import MLPClassifier

__all__ = ["EMNIST", "KMNIST", "MNIST", "Digits", "FashionMNIST", "MLPClassifier", "Result", "compose", "run"]

_HOMES = {
    **dict.fromkeys(("EMNIST", "KMNIST", "MNIST", "Digits", "FashionMNIST"), "gradexp.data"),
    "MLPClassifier": "gradexp.models",
    "Result": "gradexp.experiment",
    "run": "gradexp.experiment",
    "compose": "gradexp.config",
}

try:
    __version__ = version("gradexp")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gradexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
