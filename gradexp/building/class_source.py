"""What a class takes and is, out of its source and its bases'."""

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gradexp.building.modules import Module
from gradexp.building.names import MissingNameError, Unreadable, lookup_expression, resolve
from gradexp.building.signatures import (
    UNKNOWN,
    Parameter,
    Signature,
    keywords,
    literal,
    named_parameters,
    parameter,
)

# Bases without a constructor of their own, and decorators that write one.
PLAIN_BASES = ("object", "ABC", "Generic", "Protocol", "TypedDict")
WRITE_CONSTRUCTORS = ("dataclass", "define", "frozen", "attrs", "s")


@dataclass(frozen=True, eq=False)
class ClassSource:
    """A class as its source shows it.

    Attributes:
        module: Where it is defined.
        name: Its name there.
    """

    module: Module
    name: str

    @property
    def path(self) -> str:
        """Dotted, where it is defined, whatever it was imported from."""
        return f"{self.module.name}.{self.name}"

    @property
    def node(self) -> ast.ClassDef | None:
        """Its definition; None where the file has a syntax error.

        To parse a large file takes 16 ms: a base that is only compared with another is never parsed.
        """
        node = self.module.names.get(self.name)
        return node if isinstance(node, ast.ClassDef) else None

    @functools.cached_property
    def bases(self) -> "tuple[ClassSource | None, ...]":
        """The base classes; None for one that cannot be read."""
        if self.node is None:
            return (None,)
        given = [base.value if isinstance(base, ast.Subscript) else base for base in self.node.bases]
        return tuple(_base(self.module, base) for base in given if _last_name(base) not in PLAIN_BASES)

    def lineage(self) -> "Iterator[ClassSource | None]":
        """The class and its bases in the order in which Python looks up methods; each is read when it is asked for."""
        one: ClassSource | None = self
        while one is not None and len(one.bases) == 1:
            yield one
            one = one.bases[0]
        yield from _merged(one)

    @functools.cached_property
    def signature(self) -> Signature | None:
        """What its constructor takes; None where the source does not show it."""
        return _constructor(self.lineage())

    def is_subclass(self, paths: Sequence[str]) -> bool | None:
        """Whether it is derived from one of some classes, dotted paths; None where the source does not show it."""
        wanted = {*paths, *map(_where_defined, paths)}
        unknown = False
        # Without `lineage`, which reads all there is: a base that is wanted needs no reading.
        waiting: list[ClassSource | None] = [self]
        while waiting:
            one = waiting.pop()
            if one is None:
                unknown = True
                continue
            if one.path in wanted and one is not self:
                return True
            waiting += one.bases
        return None if unknown else False

    @property
    def is_abstract(self) -> bool:
        """Whether it leaves methods of its own to its sub-classes, as far as its own source shows."""
        return self._leaves_methods and any(one is not None and one._is_abc for one in self.lineage())

    @property
    def _leaves_methods(self) -> bool:
        return self.node is not None and any(
            isinstance(item, ast.FunctionDef)
            and any(_last_name(one) == "abstractmethod" for one in item.decorator_list)
            for item in self.node.body
        )

    @property
    def _is_abc(self) -> bool:
        return self.node is not None and (
            any(_last_name(base) == "ABC" for base in self.node.bases)
            or any(_last_name(one.value) == "ABCMeta" for one in self.node.keywords)
        )

    def attribute(self, name: str) -> Any:
        """A class attribute's value, its own or a base's; UNKNOWN where it has none or it is no literal."""
        for one in self.lineage():
            if one is None or one.node is None:
                return UNKNOWN
            for item in one.node.body:
                match item:
                    case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                        return literal(value)
                    case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value) if bound == name:
                        return literal(value)
        return UNKNOWN


@functools.cache
def class_at(module: Module, name: str) -> ClassSource | None:
    """The class of that name in a module; None where it is something else."""
    is_class = module.defines_class(name) or isinstance(module.names.get(name), ast.ClassDef)
    return ClassSource(module, name) if is_class else None


def _where_defined(path: str) -> str:
    try:
        found = resolve(path)
    except (MissingNameError, Unreadable):
        return path
    return f"{found.module.name}.{found.name}"


def _base(module: Module, expression: ast.expr) -> ClassSource | None:
    try:
        found = lookup_expression(module, expression)
    except (MissingNameError, Unreadable):
        return None
    return class_at(found.module, found.name)


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Call):
        expression = expression.func
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def _merged(source: ClassSource | None) -> list[ClassSource | None]:
    """Python's method resolution order (C3): each class before its bases, bases in their order."""
    if source is None:
        return [None]
    lists = [list(base.lineage()) if base is not None else [None] for base in source.bases]
    lists.append(list(source.bases))
    order: list[ClassSource | None] = [source]
    while any(lists):
        lists = [one for one in lists if one]
        tails = [item for one in lists for item in one[1:]]
        head = next((one[0] for one in lists if one[0] not in tails), None)
        if head is None:  # a base that cannot be read, or an order that Python refuses
            return [*order, None]
        order.append(head)
        lists = [[item for item in one if item is not head] for one in lists]
    return order


def _constructor(lineage: Iterator[ClassSource | None]) -> Signature | None:
    """The signature of the first constructor; of one that hands ``**kwargs`` on, with what the next one takes."""
    for one in lineage:
        if one is None or one.node is None:
            return None
        if any(_last_name(item) in WRITE_CONSTRUCTORS for item in one.node.decorator_list):
            return None
        methods = {item.name: item for item in one.node.body if isinstance(item, ast.FunctionDef)}
        if any(isinstance(item, ast.Assign) and _last_name(item.targets[0]) == "__init__" for item in one.node.body):
            return None
        function = methods.get("__init__") or methods.get("__new__")
        if function is not None:
            return _signature(function, one.module, lineage)
    return Signature()


def _signature(function: ast.FunctionDef, module: Module, bases: Iterator[ClassSource | None]) -> Signature:
    named = {one.name: one for one in named_parameters(function, module, 1)}
    if function.args.kwarg is None:
        return Signature(named)
    annotation = function.args.kwarg.annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) == "Unpack":
        options = _base(module, annotation.slice)
        if options is None or None in options.lineage():
            return Signature(named, takes_any=True)
        return Signature(named | {one.name: one for one in _typed_keys(options)})
    found = keywords(function)
    named |= {one.name: one for one in found.taken if one.name not in named}
    if found.to_base is None:
        return Signature(named, found.is_open)
    base = _constructor(bases)
    if base is None:
        return Signature(named, takes_any=True)
    positional = sum(not isinstance(item, ast.Starred) for item in found.to_base.args)
    given = {item.arg for item in found.to_base.keywords} | set(list(base.parameters)[:positional])
    handed_on = {name: one for name, one in base.parameters.items() if name not in given and name not in named}
    return Signature(named | handed_on, found.is_open or base.takes_any)


def _typed_keys(options: ClassSource) -> Iterator[Parameter]:
    """The keys of a TypedDict and its bases."""
    for one in reversed(list(options.lineage())):
        assert one is not None
        assert one.node is not None
        total = not any(item.arg == "total" and literal(item.value) is False for item in one.node.keywords)
        for item in one.node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                annotation, required = item.annotation, total
                if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in (
                    "Required",
                    "NotRequired",
                ):
                    required, annotation = _last_name(annotation.value) == "Required", annotation.slice
                yield parameter(item.target.id, annotation, None if required else ast.Constant(...), one.module)
