"""The signature of a function, read from its source."""

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradexp.building.annotations import rule_in
from gradexp.building.modules import Module
from gradexp.rules import Rule

# Packages whose annotations give rules: gradexp, and others whose annotations are tested.
READ = ("gradexp", "torch", "torchmetrics", "lightning", "pytorch_lightning")

UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "?"})()  # stands for a value that is no literal


@dataclass(frozen=True)
class Parameter:
    """An argument that can be passed by name.

    Attributes:
        name: Its name.
        required: Whether it has no default.
        default: UNKNOWN if there is none or it is no literal.
        annotation: Its annotation in the source of `module`.
    """

    name: str
    required: bool
    default: Any = UNKNOWN
    annotation: ast.expr | None = None
    module: Module | None = None

    @functools.cached_property
    def rule(self) -> Rule | None:
        """The rule of its values; None if there is none. Read only for arguments that the user sets."""
        if self.annotation is None or self.module is None:
            return None
        return rule_in(self.annotation, self.module, ... if self.default is UNKNOWN else self.default)


@dataclass(frozen=True)
class Signature:
    """The arguments of a call.

    Attributes:
        parameters: By name, in order.
        takes_any: Whether it may take any other name, as far as the source shows.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_any: bool = False


def named_parameters(function: ast.FunctionDef, module: Module, skip: int = 0) -> dict[str, Parameter]:
    """The named arguments of a function; `skip` is 1 for methods."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + [*arguments.defaults]
    by_position = list(zip(positional, defaults, strict=True))[max(skip, len(arguments.posonlyargs)) :]
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {one.arg: parameter(one.arg, one.annotation, default, module) for one, default in [*by_position, *by_name]}


def parameter(name: str, annotation: ast.expr | None, default: ast.expr | None, module: Module) -> Parameter:
    """One argument; its annotation is kept for packages whose annotations give rules."""
    value = literal(default) if default is not None else UNKNOWN
    is_read = module.name.partition(".")[0] in READ or "gradexp.rules" in module.text
    return Parameter(name, default is None, value, annotation if is_read else None, module)


class KeywordUses(ast.NodeVisitor):
    """How a function's body uses its ``**kwargs``.

    Recognises ``super().__init__(..., **kwargs)``, ``kwargs.pop("name", default)``, and an error if some are left. Any
    other use may accept any name.

    Attributes:
        taken: The arguments that the body takes out by name.
        to_base: The first call of ``super().__init__`` that gets the others, if there is one.
        is_open: Whether any other name is accepted.
    """

    def __init__(self, function: ast.FunctionDef) -> None:
        assert function.args.kwarg is not None
        self._name = function.args.kwarg.arg
        self.taken: dict[str, Parameter] = {}
        self.to_base: ast.Call | None = None
        self.is_open = self._is_closed = False
        for statement in function.body:
            self.visit(statement)
        self.is_open |= self.to_base is None and not self._is_closed

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.body[-1], ast.Raise) and any(map(self._is_kwargs, ast.walk(node.test))):
            self._is_closed = True
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Attribute(value=owner, attr="pop" | "get"), args=[ast.Constant(value=str(key)), *rest]
            ) if self._is_kwargs(owner):
                self.taken[key] = Parameter(key, False, literal(rest[0]) if rest else UNKNOWN)
                return
        starred = [keyword for keyword in node.keywords if keyword.arg is None and self._is_kwargs(keyword.value)]
        if _is_super_init(node) and starred:
            self.to_base = self.to_base or node
            for child in [*node.args, *(keyword for keyword in node.keywords if keyword not in starred)]:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.is_open |= self._is_kwargs(node)

    def _is_kwargs(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._name


def _is_super_init(call: ast.Call) -> bool:
    """Whether a call is ``super().__init__(...)``."""
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return True
    return False


def literal(expression: ast.expr) -> Any:
    """The value of a literal; UNKNOWN for any other expression."""
    try:
        return ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return UNKNOWN
