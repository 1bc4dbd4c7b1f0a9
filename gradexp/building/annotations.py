"""Rules from the source of annotations: the rule in `Annotated[float, FRACTION]`, or one for the plain type."""

import ast
import builtins
import collections.abc
import typing
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from gradexp.arguments import rule_of
from gradexp.building.modules import Import, Module, find_module
from gradexp.building.names import MissingNameError, Unreadable, lookup
from gradexp.rules import BOOLEAN, INTEGER, NUMBER, SECTION, Rule, is_list

# Modules whose names are imported to evaluate an annotation; none of them imports torch.
MODULES = ("typing", "collections.abc", "gradexp.rules", "typing_extensions")
DEPTH = 5  # aliases and imports that are followed

STRING = Rule("a text", lambda value: isinstance(value, str))
NULL = Rule("null", lambda value: value is None)
SCALARS: Mapping[Any, Rule] = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: STRING, NoneType: NULL}


class _Unknown(type):
    """Stands for a class in an annotation that is not imported; only its name is known."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unknown(name, (), {})

    def __getitem__(cls, item: Any) -> Any:
        return cls


def rule_in(annotation: ast.expr | None, module: Module, default: Any = ...) -> Rule | None:
    """The rule of an argument, by its annotation in a module's source; None if that says nothing about plain data.

    A default of None allows null, whatever the annotation says.
    """
    if annotation is None:
        return None
    try:
        evaluated = _evaluate(annotation, module)
        rule = rule_of(evaluated) or _rule_of_type(evaluated)
    except Exception:  # an annotation may be any expression; without a rule, any value passes
        return None
    return _any_of([rule, NULL]) if rule is not None and default is None and not rule.holds(None) else rule


def _evaluate(expression: ast.expr, module: Module, depth: int = 0) -> Any:
    """The value of an expression, in which other modules' names are unknown classes."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str) and depth == 0:
        expression = ast.parse(expression.value, mode="eval").body
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    values = {name: _value(name, module, depth) for name in names}
    code = compile(ast.Expression(expression), module.name, "eval")
    return eval(code, {"__builtins__": {}, **values})  # has only the names resolved above


def _value(name: str, module: Module, depth: int) -> Any:
    """The value of a name in a module; a type alias is evaluated in the source of the module that defines it."""
    unknown = _Unknown(name, (), {})
    if name == "Tensor" or depth > DEPTH:  # resolving Tensor would parse torch's largest file
        return unknown
    item = module.names.get(name)
    if isinstance(item, ast.expr):
        return _evaluate(item, module, depth + 1)
    if item is None and not module.stars:
        return getattr(builtins, name, unknown)
    if isinstance(item, Import) and item.module in MODULES:
        return getattr(import_module(item.module), item.name, unknown) if item.name else import_module(item.module)
    if isinstance(item, Import) and f"{item.module}.{item.name}" in MODULES:
        return import_module(f"{item.module}.{item.name}")
    try:
        definition = lookup(module, name)
    except (MissingNameError, Unreadable):
        # The alias may itself come from typing or gradexp.rules, which ends the search.
        source = find_module(item.module) if isinstance(item, Import) else None
        if isinstance(item, Import) and source is not None:
            return _value(item.name, source, depth + 1)
        return getattr(builtins, name, unknown)
    if isinstance(definition.node, ast.expr):
        return _evaluate(definition.node, definition.module, depth + 1)
    return unknown


def _rule_of_type(annotation: Any) -> Rule | None:
    """A rule for the plain data of a type: numbers, texts, lists of these, sections, and null."""
    if annotation is None:
        return NULL
    if annotation in SCALARS:
        return SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _rule_of_type(arguments[0])
    if origin is Literal:
        return rule_of(annotation)
    if origin in (Union, UnionType):
        plain = [one for one in arguments if not (isinstance(one, _Unknown) and one.__name__ == "Tensor")]
        rules = [rule_of(one) or _rule_of_type(one) for one in plain]
        if len(plain) < len(arguments) and all(rule is NULL for rule in rules):
            rules.append(_list(NUMBER))  # converted to a tensor by gradexp.building.construct
        return _any_of(rules) if rules else None
    if origin is tuple and arguments and arguments[-1] is not ...:
        return _tuple(tuple(map(_rule_of_type, arguments)))
    if origin in (list, tuple, collections.abc.Sequence):
        return _list(_rule_of_type(arguments[0]))
    if origin in (dict, collections.abc.Mapping) or annotation in (dict, typing.Mapping):
        return SECTION
    return None


def _any_of(rules: Sequence[Rule | None]) -> Rule | None:
    """Any value of one of the rules; None if one of the rules is unknown."""
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        return None
    words = " or ".join(dict.fromkeys(rule.words for rule in known if rule is not NULL))
    if NULL in known:
        words = f"{words}, or null" if words else "null"
    names = tuple(name for rule in known for name in rule.names)
    return Rule(words, lambda value: any(rule.holds(value) for rule in known), names)


def _list(rule: Rule | None) -> Rule:
    words = "a list" if rule is None else f"a list, each item {rule.words}"
    return Rule(words, lambda value: is_list(value) and (rule is None or all(map(rule.holds, value))))


def _tuple(rules: Sequence[Rule | None]) -> Rule:
    words = list(dict.fromkeys(rule.words for rule in rules if rule is not None))
    each = f", each {words[0]}" if len(words) == 1 and None not in rules else ""

    def holds(value: Any) -> bool:
        return (
            is_list(value)
            and len(value) == len(rules)
            and all(rule is None or rule.holds(item) for rule, item in zip(rules, value, strict=True))
        )

    return Rule(f"a list of {len(rules)}{each}", holds)
