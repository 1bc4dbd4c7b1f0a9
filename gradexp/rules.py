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
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

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
SECTION = Rule("a section of keys and values", lambda value: isinstance(value, Mapping))


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
    """The rule in ``Annotated[type, rule]`` or ``Literal[names]``, also with ``| None``; None where there is none."""
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


@functools.cache
def rules_of(function: Callable[..., Any]) -> Mapping[str, Rule | None]:
    """The rule of each named argument, or None; of ``**options: Unpack[SomeTypedDict]`` that of each of its keys."""
    hints = get_type_hints(function, include_extras=True)
    rules: dict[str, Rule | None] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name)
        unpacked = get_args(hint)[:1] if parameter.kind is parameter.VAR_KEYWORD else ()
        if unpacked and is_typeddict(unpacked[0]):
            keys = get_type_hints(unpacked[0], include_extras=True)
            rules |= {key: rule_of(annotation) for key, annotation in keys.items()}
        elif parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            rules[name] = rule_of(hint)
    return rules


def checked(constructor: Function) -> Function:
    """Hold the arguments of a constructor against the rules in its annotations before it runs.

    Raises:
        ValueError: An argument breaks its rule.
        TypeError: There is no such argument.
    """
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        rules = rules_of(constructor)
        bound = signature.bind(self, *args, **kwargs).arguments
        given = {name: value for name, value in bound.items() if name in rules}
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                given |= bound.get(name, {})
        for name, value in given.items():
            if name not in rules:
                own = [known for known in rules if known != "self"]
                raise TypeError(f"{type(self).__name__} has no argument {name}.{did_you_mean(name, own)}")
            rule = rules[name]
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
