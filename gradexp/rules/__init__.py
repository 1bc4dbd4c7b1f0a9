"""Rules for arguments and configuration keys: what a value must be, in words and as a test.

They are written as annotations, ``dropout: Annotated[float, FRACTION] = 0.0`` (see gradexp.arguments).
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, get_args

from gradexp.rules.words import did_you_mean as did_you_mean


@dataclass(frozen=True)
class Rule:
    """The values that an argument takes.

    Attributes:
        words: The text after "must be" in a message.
        holds: Whether a value keeps the rule.
        names: The valid values, if there are only a few.
    """

    words: str
    holds: Callable[[Any], bool]
    names: tuple[str, ...] = ()


def _is_int(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral)


def _is_finite(value: Any) -> bool:
    return NUMBER.holds(value) and math.isfinite(value)


def is_list(value: Any) -> bool:
    """Whether a value is a sequence other than text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def one_of(*names: str) -> Rule:
    """One of a few names."""
    return Rule(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names, names)


def named_or_path(*names: str, example: str) -> Rule:
    """One of a few names, or a dotted path, which is resolved later."""
    return Rule(
        f"one of {', '.join(names)}, or a dotted path such as {example}",
        lambda value: isinstance(value, str) and (value in names or "." in value),
        names,
    )


def or_null(rule: Rule) -> Rule:
    """Any value of `rule`, or None."""
    return Rule(f"{rule.words}, or null", lambda value: value is None or rule.holds(value), rule.names)


def at_least(least: int) -> Rule:
    """A whole number of at least `least`."""
    return Rule(f"a whole number of at least {least}", lambda value: _is_int(value) and value >= least)


def list_of(rule: Rule, words: str, *, length: int | None = None, empty: bool = True) -> Rule:
    """A list of values of `rule`; `words` describe it, such as "a list of layer widths, each ..."."""
    return Rule(
        words,
        lambda value: (
            is_list(value)
            and all(map(rule.holds, value))
            and (length is None or len(value) == length)
            and (empty or len(value) > 0)
        ),
    )


NUMBER = Rule("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool))  # infinity and NaN too
INTEGER = Rule("a whole number", _is_int)
FINITE = Rule("a finite number", _is_finite)
BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool), ("true", "false"))
TEXT = Rule("a text that is not empty", lambda value: isinstance(value, str) and value != "")
POSITIVE = Rule("a finite number above 0", lambda value: _is_finite(value) and value > 0)
NON_NEGATIVE = Rule("a finite number of at least 0", lambda value: _is_finite(value) and value >= 0)
FRACTION = Rule("a number from 0 to below 1", lambda value: _is_finite(value) and 0 <= value < 1)
SHARE = Rule("a number from 0 to 1", lambda value: _is_finite(value) and 0 <= value <= 1)
COUNT = at_least(1)
WHOLE = at_least(0)
NUMBER_OR_SHARE = Rule(
    "a whole number of samples (0 for none) or a fraction between 0 and 1",
    lambda value: WHOLE.holds(value) or (isinstance(value, float) and 0 < value < 1),
)
CLASS_WEIGHT = Rule(
    "balanced, a list of numbers of at least 0, one a class, or null",
    lambda value: value in (None, "balanced") if not is_list(value) else all(map(NON_NEGATIVE.holds, value)),
    ("balanced",),
)
MONITOR = Rule(
    "a metric of training or validation, such as val/accuracy, val/loss or train/loss",
    lambda value: isinstance(value, str) and value.startswith(("train/", "val/")),
    ("val/accuracy", "val/loss", "val/mse", "val/r2", "val/error", "train/accuracy", "train/loss", "train/objective"),
)
HIDDEN = list_of(COUNT, "a list of layer widths, each a whole number of at least 1")
ACTIVATION_NAMES = (
    "relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid", "hardtanh", "identity",
)  # fmt: skip
INIT_NAMES = ("default", "lecun_normal", "kaiming_normal", "xavier_uniform", "normal")
ACTIVATION = named_or_path(*ACTIVATION_NAMES, example="torch.nn.Hardswish")
INIT = named_or_path(*INIT_NAMES, example="torch.nn.init.orthogonal_")
OUTPUT_ACTIVATION = or_null(one_of("relu", "log_softmax"))
PAIR = or_null(list_of(FINITE, "a pair [x, y] of finite numbers", length=2))
SECTION = Rule("a section of keys and values", lambda value: isinstance(value, Mapping))

# Types of arguments that most data modules have, each with a different default.
BatchSize = Annotated[int | None, or_null(COUNT)]
SampleNumber = Annotated[int | float, NUMBER_OR_SHARE]
Folds = Annotated[int | None, or_null(at_least(2))]
FoldNumber = Annotated[int | None, or_null(WHOLE)]
SplitSeed = Annotated[int | None, or_null(WHOLE)]

# Rules that one class uses. They are in this file because annotations are evaluated without the class's module.
PATH = Rule("the file or folder of your data: data.path=PATH", lambda value: isinstance(value, str) and value != "")
TARGET_COLUMN = Rule(
    "the name of the column to predict: data.target=COLUMN",
    lambda value: (isinstance(value, str) and value != "") or _is_finite(value),
)
COLUMNS = list_of(
    Rule("a name", lambda value: isinstance(value, str | int | float)), "a list of column names, such as [id,name]"
)
SEPARATOR_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
SEPARATOR = Rule(
    f"one of {', '.join(SEPARATOR_NAMES)}, or a single character",
    lambda value: isinstance(value, str) and (value in SEPARATOR_NAMES or (len(value) == 1 and value.isascii())),
    tuple(SEPARATOR_NAMES),
)
CHANNELS = Rule("1 (grey) or 3 (colour)", lambda value: _is_int(value) and value in (1, 3))
POINTS = Rule(
    "a list of points, each a list of as many numbers, such as [[0, 0], [0, 1]]",
    lambda value: (
        is_list(value)
        and len(value) > 0
        and all(is_list(point) and len(point) > 0 and all(map(_is_finite, point)) for point in value)
        and len(set(map(len, value))) == 1
    ),
)
MARGIN = Rule("a number above 0 and at most 0.5", lambda value: _is_finite(value) and 0 < value <= 0.5)
SCALE = Rule(
    "a pair [smallest, largest] of numbers above 0",
    lambda value: is_list(value) and len(value) == 2 and all(map(POSITIVE.holds, value)) and value[0] <= value[1],
)
SHEAR = Rule("a number of degrees from 0 to below 90", lambda value: _is_finite(value) and 0 <= value < 90)
Quantity = Literal[
    "grad_norm",
    "bias_grad_norm",
    "update_ratio",
    "weight_norm",
    "zero_gradients",
    "dead_units",
    "saturated_units",
    "histograms",
]
QUANTITIES = list_of(one_of(*get_args(Quantity)), f"a list out of {', '.join(get_args(Quantity))}")
ACCUMULATION = Rule(
    "a whole number of at least 1, or such numbers by epoch (from 0 on), such as {0:1,4:2}",
    lambda value: (
        COUNT.holds(value)
        or (
            isinstance(value, Mapping)
            and len(value) > 0
            and all(map(WHOLE.holds, value))
            and all(map(COUNT.holds, value.values()))
        )
    ),
)


def check_folds(folds: int | None, fold: int | None) -> None:
    """Check that the number of folds and the fold that is held out go together.

    Raises:
        ValueError: They do not.
    """
    if folds is None and fold is not None:
        raise ValueError(f"data.folds must be the number of folds with data.fold={fold}, such as 5; got null.")
    if folds is not None and (fold is None or fold >= folds):
        found = "null" if fold is None else fold
        all_folds = f' For all of them: -m data.folds={folds} "data.fold=range({folds})".' if fold is None else ""
        raise ValueError(
            f"data.fold must be the fold to validate on, 0 to {folds - 1}, with data.folds={folds}; got {found}."
            f"{all_folds}"
        )


def check(name: str, value: Any, rule: Rule) -> None:
    """Check a value.

    Args:
        name: Name of the argument, or the full key, such as "optimizer.lr".
        value: The value to check.
        rule: The rule that it must keep.

    Raises:
        ValueError: The value breaks the rule.
    """
    if not rule.holds(value):
        raise ValueError(f"{name} must be {rule.words}; got {shown(value)}.{_likely(name, value, rule)}")


def shown(value: Any) -> str:
    """A value as a message shows it: with quotes around text, but as null where that is typed."""
    return "null" if value is None else repr(value)


def _likely(name: str, value: Any, rule: Rule) -> str:
    """What a value that breaks the rule most likely means; empty if that is not clear."""
    if is_list(value) and len(value) > 1 and all(map(rule.holds, value)):
        return f" For a run of each type -m {name}={','.join(map(str, value))}"
    ends = re.fullmatch(r"(\d+)(?:-|:|\.\.)(\d+)", str(value))
    if ends and rule.holds(int(ends[1])):
        return f' For a run of each type -m "{name}=range({ends[1]},{int(ends[2]) + 1})"'
    # A list is meant where nothing else may stand, and not where it is one of several kinds of values.
    guesses: list[Any] = list(value) if is_list(value) else []
    if rule.words.startswith("a list "):
        apart = re.fullmatch(r"\d+(?:[ x;-]+\d+)+", str(value))
        guesses.insert(0, [int(number) for number in re.split(r"\D+", str(value))] if apart else [value])
    with suppress(ValueError, OverflowError):
        number = float(str(value).removesuffix("%")) / (100 if str(value).endswith("%") else 1)
        # Where a share may stand too, 1.0 may mean all or one.
        is_clear = number != 1 or not rule.holds(0.5)
        guesses += [int(number)] * (number.is_integer() and is_clear) + [number]
    guesses += [None] * (str(value).lower() in ("none", "nil"))
    found = [guess for guess in guesses if value not in ("", None) and rule.holds(guess)]
    return did_you_mean(value, rule.names) or (f" Did you mean {_typed(found[0])}?" if found else "")


def _typed(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    plain = not isinstance(value, str) or re.fullmatch(r"[\w./:-]+", value) is not None
    return "null" if value is None else str(value) if plain else repr(value)
