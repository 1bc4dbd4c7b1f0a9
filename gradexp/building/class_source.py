"""A class's signature, bases and attributes, read from its source and its bases' source."""

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gradexp.building.modules import Module
from gradexp.building.names import MissingNameError, Unreadable, lookup_expression, resolve
from gradexp.building.signatures import UNKNOWN, KeywordUses, Parameter, Signature, literal, named_parameters, parameter

PLAIN_BASES = ("object", "ABC", "Generic", "Protocol", "TypedDict")  # bases without a constructor
WRITE_CONSTRUCTORS = ("dataclass", "define", "frozen", "attrs", "s")  # decorators that write one


@dataclass(frozen=True, eq=False)
class ClassSource:
    """A class in the source of the module that defines it."""

    module: Module
    name: str

    @property
    def path(self) -> str:
        """Dotted path in the module that defines it."""
        return f"{self.module.name}.{self.name}"

    @property
    def node(self) -> ast.ClassDef | None:
        """Its definition; None where the file has a syntax error.

        Parsing a large file takes 16 ms, so a base that is only compared with another is not parsed.
        """
        node = self.module.names.get(self.name)
        return node if isinstance(node, ast.ClassDef) else None

    @functools.cached_property
    def bases(self) -> "tuple[ClassSource | None, ...]":
        """The base classes; None for one that cannot be read."""
        if self.node is None:
            return (None,)
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in self.node.bases]
        return tuple(_base(self.module, base) for base in bases if _last_name(base) not in PLAIN_BASES)

    def lineage(self) -> "Iterator[ClassSource | None]":
        """The class and its bases in method resolution order, each read on demand."""
        cls: ClassSource | None = self
        while cls is not None and len(cls.bases) == 1:
            yield cls
            cls = cls.bases[0]
        yield from _merged(cls)

    @functools.cached_property
    def signature(self) -> Signature | None:
        """Its constructor's signature; None where the source does not show it."""
        return _constructor(self.lineage())

    def is_subclass(self, paths: Sequence[str]) -> bool | None:
        """Whether it is a sub-class of one of these dotted paths; None where the source does not show it."""
        targets = {*paths, *map(_where_defined, paths)}
        unknown = False
        # `lineage` would read every base; this loop does not read a base that is a target.
        waiting: list[ClassSource | None] = [self]
        while waiting:
            cls = waiting.pop()
            if cls is None:
                unknown = True
                continue
            if cls.path in targets and cls is not self:
                return True
            waiting += cls.bases
        return None if unknown else False

    @property
    def is_abstract(self) -> bool:
        """Whether its own source defines abstract methods."""
        methods = [item for item in self.node.body if isinstance(item, ast.FunctionDef)] if self.node else []
        decorators = [decorator for method in methods for decorator in method.decorator_list]
        has_abstract_methods = any(_last_name(decorator) == "abstractmethod" for decorator in decorators)
        return has_abstract_methods and any(cls is not None and cls._is_abc for cls in self.lineage())

    @property
    def _is_abc(self) -> bool:
        return self.node is not None and (
            any(_last_name(base) == "ABC" for base in self.node.bases)
            or any(_last_name(keyword.value) == "ABCMeta" for keyword in self.node.keywords)
        )

    def attribute(self, name: str) -> Any:
        """A class attribute's value, possibly inherited; UNKNOWN if there is none or it is no literal."""
        for cls in self.lineage():
            if cls is None or cls.node is None:
                return UNKNOWN
            for item in cls.node.body:
                match item:
                    case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                        return literal(value)
                    case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value) if bound == name:
                        return literal(value)
        return UNKNOWN


@functools.cache
def class_at(module: Module, name: str) -> ClassSource | None:
    """The class of a name in a module; None if the name is not a class."""
    is_class = module.defines_class(name) or isinstance(module.names.get(name), ast.ClassDef)
    return ClassSource(module, name) if is_class else None


def _where_defined(path: str) -> str:
    try:
        definition = resolve(path)
    except (MissingNameError, Unreadable):
        return path
    return f"{definition.module.name}.{definition.name}"


def _base(module: Module, expression: ast.expr) -> ClassSource | None:
    try:
        definition = lookup_expression(module, expression)
    except (MissingNameError, Unreadable):
        return None
    return class_at(definition.module, definition.name)


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Call):
        expression = expression.func
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def _merged(source: ClassSource | None) -> list[ClassSource | None]:
    """Python's method resolution order (C3): each class before its bases, bases in order."""
    if source is None:
        return [None]
    chains = [list(base.lineage()) if base is not None else [None] for base in source.bases]
    chains.append(list(source.bases))
    order: list[ClassSource | None] = [source]
    while any(chains):
        chains = [chain for chain in chains if chain]
        tails = [cls for chain in chains for cls in chain[1:]]
        head = next((chain[0] for chain in chains if chain[0] not in tails), None)
        if head is None:  # a base that cannot be read, or an order that Python refuses
            return [*order, None]
        order.append(head)
        chains = [[cls for cls in chain if cls is not head] for chain in chains]
    return order


def _constructor(lineage: Iterator[ClassSource | None]) -> Signature | None:
    """The signature of the first constructor; if it passes ``**kwargs`` on, also the arguments of the next one."""
    for cls in lineage:
        if cls is None or cls.node is None:
            return None
        if any(_last_name(decorator) in WRITE_CONSTRUCTORS for decorator in cls.node.decorator_list):
            return None
        methods = {item.name: item for item in cls.node.body if isinstance(item, ast.FunctionDef)}
        if any(isinstance(item, ast.Assign) and _last_name(item.targets[0]) == "__init__" for item in cls.node.body):
            return None
        function = methods.get("__init__") or methods.get("__new__")
        if function is not None:
            return _signature(function, cls.module, lineage)
    return Signature()


def _signature(function: ast.FunctionDef, module: Module, bases: Iterator[ClassSource | None]) -> Signature:
    named = named_parameters(function, module, skip=1)
    if function.args.kwarg is None:
        return Signature(named)
    annotation = function.args.kwarg.annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) == "Unpack":
        options = _base(module, annotation.slice)
        if options is None or None in options.lineage():
            return Signature(named, takes_any=True)
        return Signature(named | {p.name: p for p in _typed_keys(options)})
    uses = KeywordUses(function)
    named |= {name: p for name, p in uses.taken.items() if name not in named}
    if uses.to_base is None:
        return Signature(named, uses.is_open)
    base = _constructor(bases)
    if base is None:
        return Signature(named, takes_any=True)
    positional = sum(not isinstance(item, ast.Starred) for item in uses.to_base.args)
    given = {item.arg for item in uses.to_base.keywords} | set(list(base.parameters)[:positional])
    passed_on = {name: p for name, p in base.parameters.items() if name not in given and name not in named}
    return Signature(named | passed_on, uses.is_open or base.takes_any)


def _typed_keys(options: ClassSource) -> Iterator[Parameter]:
    """The keys of a TypedDict and its bases."""
    for cls in reversed(list(options.lineage())):
        assert cls is not None
        assert cls.node is not None
        total = not any(item.arg == "total" and literal(item.value) is False for item in cls.node.keywords)
        for item in cls.node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                annotation, required = item.annotation, total
                if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) in (
                    "Required",
                    "NotRequired",
                ):
                    required, annotation = _last_name(annotation.value) == "Required", annotation.slice
                yield parameter(item.target.id, annotation, None if required else ast.Constant(...), cls.module)
