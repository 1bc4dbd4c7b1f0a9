"""gradexp: experiments in learning by gradients, on Lightning, Hydra and TensorBoard.

Names are imported when they are first used, so that `import gradexp` costs nothing.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradexp.auditing import audit
    from gradexp.config import compose
    from gradexp.data import (
        EMNIST,
        KMNIST,
        MNIST,
        Blobs,
        BreastCancer,
        Diabetes,
        Digits,
        FashionMNIST,
        ImageFolder,
        LinearData,
        NoData,
        Points,
        PolynomialData,
        Separable,
        Table,
    )
    from gradexp.experiment import Result, run
    from gradexp.models import (
        FunctionDescent,
        LinearRegression,
        LogisticRegression,
        MLPClassifier,
        MLPFromScratch,
        MLPRegressor,
        Rosenblatt,
        SigmoidUnits,
        SoftmaxRegression,
    )

__all__ = [
    "EMNIST",
    "KMNIST",
    "MNIST",
    "Blobs",
    "BreastCancer",
    "Diabetes",
    "Digits",
    "FashionMNIST",
    "FunctionDescent",
    "ImageFolder",
    "LinearData",
    "LinearRegression",
    "LogisticRegression",
    "MLPClassifier",
    "MLPFromScratch",
    "MLPRegressor",
    "NoData",
    "Points",
    "PolynomialData",
    "Result",
    "Rosenblatt",
    "Separable",
    "SigmoidUnits",
    "SoftmaxRegression",
    "Table",
    "audit",
    "compose",
    "run",
]

# Asked in this order: the first two import no torch.
_HOMES = ("gradexp.config", "gradexp.experiment", "gradexp.data", "gradexp.models", "gradexp.auditing")

try:
    __version__ = version("gradexp")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    for home in _HOMES if name in __all__ else ():
        module = import_module(home)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module 'gradexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
