"""Arguments of constructors: their names, and the rules in their annotations.

Each class states the rules of its arguments, ``dropout: Annotated[float, FRACTION] = 0.0``. A `checked` constructor
enforces them; the command line reads the same annotations from the source, before torch is imported (see
gradexp.building).
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

from gradexp.rules import BOOLEAN, Rule, check, did_you_mean, or_null

Function = TypeVar("Function", bound=Callable[..., Any])


def rule_of(annotation: Any) -> Rule | None:
    """The rule in ``Annotated[type, rule]``, ``Literal[names]`` or one of these ``| None``; None without a rule."""
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
    """One of a few values, equal in type too: True is not 1."""
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


@functools.cache
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function or class, which takes Python 0.1 ms to find."""
    return inspect.signature(function)


def arguments_of(function: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments; ``**options: Unpack[SomeTypedDict]`` counts as the TypedDict's keys."""
    names: list[str] = []
    for name, parameter in signature_of(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            names += get_type_hints(_unpacked(parameter) or object)
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            names.append(name)
    return names


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether a function has ``**options`` without a TypedDict of the names."""
    parameters = signature_of(function).parameters.values()
    return any(each.kind is each.VAR_KEYWORD and _unpacked(each) is None for each in parameters)


@functools.cache
def rules_of(function: Callable[..., Any]) -> Mapping[str, Rule | None]:
    """The rule, or None, of each argument in `arguments_of`."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # annotations of another package, whose names are imported for type checkers only
        hints = {}
    for parameter in signature_of(function).parameters.values():
        options = _unpacked(parameter)
        hints |= get_type_hints(options, include_extras=True) if options else {}
    return {name: rule_of(hints.get(name)) for name in arguments_of(function)}


def checked(constructor: Function) -> Function:
    """Decorate a constructor to check its arguments against the rules in its annotations.

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
                valid = [argument for argument in rules if argument != "self"]
                raise TypeError(f"{type(self).__name__} has no argument {name}.{did_you_mean(name, valid)}")
        for name, value in {**signature.bind(self, *args, **kwargs).arguments, **kwargs}.items():
            rule = rules.get(name)
            if rule is not None:
                check(name, value, rule)
        constructor(self, *args, **kwargs)

    return wrapper  # type: ignore[return-value]  # the same call


class Checked:
    """A base class whose sub-classes' constructors are all `checked`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]
