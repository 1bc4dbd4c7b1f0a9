"""Rules that arguments obey, written as annotations: ``dropout: Annotated[float, FRACTION] = 0.0``.

Each class owns the rules of its own arguments. A constructor that is `checked` holds its arguments against them; the
command line reads the same annotations from the source, before torch is imported (see gradexp.building).
"""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """What values an argument takes.

    Attributes:
        words: What follows "must be" in a message.
        holds: Whether a value is one of them.
        names: The values, where there are only a few.
    """

    words: str
    holds: Callable[[Any], bool]
    names: tuple[str, ...] = ()


def _is_int(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def one_of(*names: str) -> Rule:
    """One of a few names."""
    return Rule(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names, names)


def named_or_path(*names: str, example: str) -> Rule:
    """One of a few names, or a dotted path, which is looked up later."""
    return Rule(
        f"one of {', '.join(names)}, or a dotted path such as {example}",
        lambda value: isinstance(value, str) and (value in names or "." in value),
        names,
    )


def or_null(rule: Rule) -> Rule:
    """What `rule` takes, or None."""
    return Rule(f"{rule.words}, or null", lambda value: value is None or rule.holds(value), rule.names)


def at_least(least: int) -> Rule:
    """A whole number from `least` on."""
    return Rule(f"a whole number of at least {least}", lambda value: _is_int(value) and value >= least)


def list_of(rule: Rule, words: str, *, length: int | None = None, empty: bool = True) -> Rule:
    """A list whose items `rule` takes; `words` name it, as "a list of layer widths, each ..."."""
    return Rule(
        words,
        lambda value: (
            _is_list(value)
            and all(map(rule.holds, value))
            and (length is None or len(value) == length)
            and (empty or len(value) > 0)
        ),
    )


FINITE = Rule("a finite number", _is_number)
BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool), ("true", "false"))
TEXT = Rule("a text that is not empty", lambda value: isinstance(value, str) and value != "")
POSITIVE = Rule("a finite number above 0", lambda value: _is_number(value) and value > 0)
NON_NEGATIVE = Rule("a finite number of at least 0", lambda value: _is_number(value) and value >= 0)
FRACTION = Rule("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1)
SHARE = Rule("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
COUNT = at_least(1)
WHOLE = at_least(0)
NUMBER_OR_SHARE = Rule(
    "a whole number of samples (0 for none) or a fraction between 0 and 1",
    lambda value: WHOLE.holds(value) or (isinstance(value, float) and 0 < value < 1),
)
CLASS_WEIGHT = Rule(
    "balanced, a list of numbers of at least 0, one a class, or null",
    lambda value: value in (None, "balanced") if not _is_list(value) else all(map(NON_NEGATIVE.holds, value)),
    ("balanced",),
)
MONITOR = Rule(
    "a metric of training or validation, such as val/accuracy, val/loss or train/loss",
    lambda value: isinstance(value, str) and value.startswith(("train/", "val/")),
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

# Arguments that most data modules have, each with a default of its own.
BatchSize = Annotated[int | None, or_null(COUNT)]
SampleNumber = Annotated[int | float, NUMBER_OR_SHARE]

# Rules of one class each. They stand here because annotations are evaluated without the module of the class.
PATH = Rule("the file or folder of your data: data.path=PATH", lambda value: isinstance(value, str) and value != "")
TARGET_COLUMN = Rule(
    "the name of the column to predict: data.target=COLUMN",
    lambda value: (isinstance(value, str) and value != "") or _is_number(value),
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
        _is_list(value)
        and len(value) > 0
        and all(_is_list(point) and len(point) > 0 and all(map(_is_number, point)) for point in value)
        and len(set(map(len, value))) == 1
    ),
)
MARGIN = Rule("a number above 0 and at most 0.5", lambda value: _is_number(value) and 0 < value <= 0.5)
SCALE = Rule(
    "a pair [smallest, largest] of numbers above 0",
    lambda value: _is_list(value) and len(value) == 2 and all(map(POSITIVE.holds, value)) and value[0] <= value[1],
)
SHEAR = Rule("a number of degrees from 0 to below 90", lambda value: _is_number(value) and 0 <= value < 90)
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


def did_you_mean(name: Any, valid: Iterable[Any]) -> str:
    """' Did you mean X?' where a valid name is close to `name`, else nothing."""
    by_letters = {str(option).lower(): str(option) for option in valid}
    close = difflib.get_close_matches(str(name).lower(), by_letters, n=1)
    return f" Did you mean {by_letters[close[0]]}?" if close else ""


def check(name: str, value: Any, rule: Rule) -> None:
    """Hold a value against a rule.

    Args:
        name: Of the argument, or the key in full, such as "optimizer.lr".
        value: What was given.
        rule: What is wanted.

    Raises:
        ValueError: The value breaks the rule.
    """
    if not rule.holds(value):
        raise ValueError(f"{name} must be {rule.words}; got {value!r}.{did_you_mean(value, rule.names)}")


def rule_of(annotation: Any) -> Rule | None:
    """The rule in ``Annotated[type, rule]``, ``Literal[names]`` or either of them ``| None``; None without a rule."""
    if get_origin(annotation) is Annotated:
        return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, Rule)), None)
    if get_origin(annotation) is Literal:
        return _one_of_values(get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        others = [one for one in get_args(annotation) if one is not NoneType]
        rule = rule_of(others[0]) if len(others) == 1 else None
        return or_null(rule) if rule is not None and not rule.holds(None) else rule
    return BOOLEAN if annotation is bool else None


def _one_of_values(values: Sequence[Any]) -> Rule:
    """One of a few values of any plain type; True is not 1."""
    names = tuple({True: "true", False: "false", None: "null"}.get(value, str(value)) for value in values)
    return Rule(
        f"one of {', '.join(names)}",
        lambda value: any(value == one and type(value) is type(one) for one in values),
        names,
    )


def _unpacked(parameter: inspect.Parameter) -> Any:
    """The TypedDict of ``**options: Unpack[SomeTypedDict]``, else None."""
    if parameter.kind is not parameter.VAR_KEYWORD or get_origin(parameter.annotation) is not Unpack:
        return None
    return get_args(parameter.annotation)[0]


def arguments_of(function: Callable[..., Any]) -> list[str]:
    """The names of its arguments, of ``**options: Unpack[SomeTypedDict]`` those of the TypedDict."""
    names: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            names += get_type_hints(_unpacked(parameter) or object)
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            names.append(name)
    return names


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether a function has ``**options`` whose names no TypedDict lists."""
    parameters = inspect.signature(function).parameters.values()
    return any(each.kind is each.VAR_KEYWORD and _unpacked(each) is None for each in parameters)


@functools.cache
def rules_of(function: Callable[..., Any]) -> Mapping[str, Rule | None]:
    """The rule, or None, of each argument in `arguments_of`."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # another's annotations, whose names only type checkers import
        hints = {}
    for parameter in inspect.signature(function).parameters.values():
        options = _unpacked(parameter)
        hints |= get_type_hints(options, include_extras=True) if options else {}
    return {name: rule_of(hints.get(name)) for name in arguments_of(function)}


def checked(constructor: Function) -> Function:
    """Hold the arguments of a constructor against the rules in its annotations before it runs.

    Raises:
        ValueError: An argument breaks its rule.
        TypeError: There is no such argument.
    """
    signature = inspect.signature(constructor)
    any_name = takes_any(constructor)

    @functools.wraps(constructor)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        rules = rules_of(constructor)
        for name in kwargs:
            if name not in rules and not any_name:
                own = [known for known in rules if known != "self"]
                raise TypeError(f"{type(self).__name__} has no argument {name}.{did_you_mean(name, own)}")
        for name, value in {**signature.bind(self, *args, **kwargs).arguments, **kwargs}.items():
            rule = rules.get(name)
            if rule is not None:
                check(name, value, rule)
        constructor(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]  # the same call


class Checked:
    """A class whose sub-classes' constructors are all `checked`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]
