"""Checks a section of the configuration with a `_target_`: trust, the kind of class, its arguments and their rules.

The checks read the class's source and take milliseconds, so a mistyped argument is reported before torch is imported.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gradexp.building.class_reader import class_names, has_many, read_class
from gradexp.building.class_source import ClassSource
from gradexp.building.kinds import KINDS, Kind
from gradexp.building.names import MissingNameError
from gradexp.building.signatures import Signature
from gradexp.building.trust import check_trusted
from gradexp.rules import SECTION, Rule, check, did_you_mean


class UnknownArgumentError(ValueError):
    """An argument that a section's class does not take.

    Attributes:
        message: The text without a suggestion.
        key: The argument's full key, such as "optimizer.momentum".
    """

    def __init__(self, message: str, key: str, suggestion: str = "") -> None:
        super().__init__(message + suggestion)
        self.message, self.key = message, key


# Sections whose class may be null: the model's default loss, a constant learning rate, a module's own optimizer.
MAY_BE_NULL = ("loss", "scheduler", "optimizer")

# How the user sets the arguments that gradexp passes, or where they come from.
SET_BY = {
    "data_dir": "data_dir=FOLDER",
    "seed": "seed=NUMBER",
    "augmentation": "augmentation=NAME",
    "optimizer": "optimizer=NAME",
    "scheduler": "scheduler=NAME",
    "loss": "loss=NAME",
    "l1": "regularizer.l1=NUMBER",
    "l2": "regularizer.l2=NUMBER",
    "monitor": "monitor=METRIC",
    "monitor_mode": "monitor_mode=max|min",
    "proximal": "regularizer.proximal=true",
    "penalties": "regularizer.NAME=NUMBER",
    "metrics": "+metrics.NAME._target_=CLASS",
    "trusted_packages": "trusted_packages=[NAME]",
    "from_logits": "the model",
    **dict.fromkeys(("in_features", "num_classes", "num_labels", "num_outputs", "task"), "the data"),
}


def check_section(key: str, section: Any, kind: str, trusted_packages: Sequence[str]) -> ClassSource | None:
    """Check a section that names a class.

    Args:
        key: The section's key, such as "optimizer" or "metrics.f1".
        section: Its content: `_target_`, arguments of that class, and gradexp's own keys of this kind.
        kind: Which of KINDS the class must be.
        trusted_packages: Top-level packages that the user trusts.

    Returns:
        The class; None if `_target_` is null, or if the class can be checked only after its import.

    Raises:
        ValueError: Something is wrong; the message names the full key.
    """
    expected = KINDS[kind]
    check(key, section, SECTION)
    if "_target_" not in section:
        raise ValueError(f"{key}._target_ must name {expected.noun}: {key}._target_=package.Class; it is missing.")
    target = section["_target_"]
    given = {str(name): value for name, value in section.items() if name != "_target_"}
    for name in given.keys() & expected.own_keys.keys():
        check(f"{key}.{name}", given[name], expected.own_keys[name])
    if target is None and kind in MAY_BE_NULL:
        # Arguments of a null loss belong to the model's default loss, and are checked once the model is known.
        allowed = expected.own_keys.keys() - {"interval"} if kind != "loss" else given.keys()
        for name in given.keys() - allowed:
            raise UnknownArgumentError(
                f"{key}.{name} must go with a class in {key}._target_, which is null; got {given[name]!r}.",
                f"{key}.{name}",
            )
        return None
    source = check_class(f"{key}._target_", target, kind, trusted_packages)
    if source is None or source.signature is None:
        return source
    given = {name: value for name, value in given.items() if name not in expected.own_keys}
    offered = set(expected.offered)
    if expected.offered_to is not None and source.is_subclass(expected.offered_to[:1]):
        offered.update(expected.offered_to[1])
    check_arguments(key, given, source.name, source.signature, offered, rules_by_name(target, expected))
    for name, value in given.items():
        for number, part in enumerate(value if isinstance(value, list) else ()):
            if isinstance(part, Mapping) and "_target_" in part:
                check_part(f"{key}.{name}.{number}", part, kind, trusted_packages)
    # gradexp passes the first argument of optimizers and schedules by position, whatever its name.
    positional = list(source.signature.parameters)[:1] if kind in ("optimizer", "scheduler") else ()
    for name, parameter in source.signature.parameters.items():
        if parameter.required and name not in {*given, *offered, *expected.filled, *positional}:
            raise ValueError(f"{key}.{name} must be given: {source.name} has no default for it.")
    return source


def check_class(key: str, target: Any, kind: str, trusted_packages: Sequence[str]) -> ClassSource | None:
    """Check that the dotted path of a class is trusted and names a class of its kind.

    Returns:
        The class; None if it can be checked only after its import.

    Raises:
        ValueError: It is not trusted, missing, or of another kind.
    """
    expected = KINDS[kind]
    check_trusted(target, expected, trusted_packages, key)
    try:
        source = read_class(target)
    except MissingNameError as error:
        raise ValueError(_not_of_kind(target, expected, key, reason=str(error))) from error
    if source is not None and (source.is_subclass(expected.bases) is False or source.is_abstract):
        raise ValueError(_not_of_kind(target, expected, key))
    return source


def check_part(key: str, part: Mapping[str, Any], kind: str, trusted_packages: Sequence[str]) -> None:
    """Check a section in another section's list, such as one schedule of a SequentialLR.

    Raises:
        ValueError: Something is wrong, or a key belongs to the outer section.
    """
    for name in part.keys() & KINDS[kind].own_keys.keys():
        raise ValueError(f"{key}.{name} must be set once, as {kind}.{name}, for all parts; got {part[name]!r} here.")
    check_section(key, part, kind, trusted_packages)


def rules_by_name(target: str, kind: Kind) -> Mapping[str, Rule]:
    """The kind's rules by argument name, if the target is in one of the modules that they were written for."""
    if not any(target.startswith(f"{module}.") for module in kind.trusted):
        return {}
    start = f"{target.rpartition('.')[2]}."
    of_class = {name.removeprefix(start): rule for name, rule in kind.rules.items() if name.startswith(start)}
    return {**kind.rules, **of_class}


def check_settings(settings: Mapping[str, Any], kind: str) -> None:
    """Check a section's values against the kind's rules by name, for callers from Python.

    Raises:
        ValueError: A value breaks its rule.
    """
    expected = KINDS[kind]
    rules = {**rules_by_name(str(settings.get("_target_")), expected), **expected.own_keys}
    for name in settings.keys() & rules.keys():
        check(f"{kind}.{name}", settings[name], rules[name])


def check_arguments(
    key: str,
    given: Mapping[str, Any],
    name: str,
    signature: Signature,
    offered: Collection[str] = (),
    rules: Mapping[str, Rule] | None = None,
) -> None:
    """Check the arguments, given under `key`, of the class or function called `name`.

    `rules` by argument name are checked before those of the signature. Only gradexp sets the `offered` arguments.

    Raises:
        ValueError: There is no such argument, only gradexp sets it, or its value breaks its rule.
    """
    valid = [argument for argument in signature.parameters if argument not in offered]
    for argument in sorted(given, key=lambda name: name in signature.parameters):  # unknown names first
        value = given[argument]
        if argument in offered:
            raise ValueError(
                f"{key}.{argument} is set by {SET_BY.get(argument, 'gradexp')} and cannot be given here; got {value!r}."
            )
        parameter = signature.parameters.get(argument)
        if parameter is None:
            if signature.takes_any:
                continue
            raise UnknownArgumentError(
                f"{key}.{argument} is not an argument of {name}, which takes {', '.join(valid) or 'none'}.",
                f"{key}.{argument}",
                did_you_mean(argument, valid),
            )
        for rule in ((rules or {}).get(argument), parameter.rule):
            if rule is not None:
                check(f"{key}.{argument}", value, rule)


def _not_of_kind(target: str, expected: Kind, key: str, reason: str = "") -> str:
    """The message for a class of another kind; `reason` stands in for the valid classes if there are none."""
    module, _, name = target.rpartition(".")
    valid = class_names(module, expected.bases, like=name)
    if reason and not valid:
        return f"{key} must name {expected.noun}; got {target}: {reason}"
    listed = "" if has_many(module) else f" {module} has {', '.join(valid) or 'none'}."
    return f"{key} must name {expected.noun}; got {target}.{did_you_mean(name, valid)}{listed}"
