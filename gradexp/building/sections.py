"""A section of the configuration with a `_target_` is checked: trust, the kind of class, its arguments and their rules.

All of it by the class's source, in milliseconds: a mistyped argument need not wait for torch.
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

# Sections whose class may be null: the model's own loss, a constant learning rate, another module's own optimizer.
MAY_BE_NULL = ("loss", "scheduler", "optimizer")

# Where the arguments that gradexp gives are set.
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
    "in_features": "the data",
    "num_classes": "the data",
    "num_labels": "the data",
    "num_outputs": "the data",
    "task": "the data",
}


def check_section(
    key: str, section: Any, kind: str, trusted_packages: Sequence[str], offers: Collection[str] = ()
) -> ClassSource | None:
    """Hold a section that names a class against what the class takes.

    Args:
        key: The section's, such as "optimizer" or "metrics.f1".
        section: Its content: `_target_`, arguments of that class, and our own keys of this kind.
        kind: Which of KINDS the class must be.
        trusted_packages: Top-level packages that the user trusts.
        offers: Further arguments that gradexp gives, beside those of the kind.

    Returns:
        The class; None where there is none, or where it can be checked only after its import.

    Raises:
        ValueError: Something is wrong; the message names the key in full.
    """
    wanted = KINDS[kind]
    check(key, section, SECTION)
    if "_target_" not in section:
        raise ValueError(f"{key}._target_ must name {wanted.noun}: {key}._target_=package.Class; it is missing.")
    target = section["_target_"]
    given = {str(name): value for name, value in section.items() if name != "_target_"}
    for name in given.keys() & wanted.own_keys.keys():
        check(f"{key}.{name}", given[name], wanted.own_keys[name])
    if target is None and kind in MAY_BE_NULL:
        # Arguments beside a null loss are of the model's own, which is known once the model is.
        free = wanted.own_keys.keys() - {"interval"} if kind != "loss" else given.keys()
        for name in given.keys() - free:
            raise ValueError(
                f"{key}.{name} must go with a class in {key}._target_, which is null; got {given[name]!r}."
            )
        return None
    source = check_class(f"{key}._target_", target, kind, trusted_packages)
    if source is None or source.signature is None:
        return source
    given = {name: value for name, value in given.items() if name not in wanted.own_keys}
    offered = {*wanted.offered, *offers}
    if wanted.offered_to is not None and source.is_subclass(wanted.offered_to[:1]):
        offered.update(wanted.offered_to[1])
    check_arguments(key, given, source.name, source.signature, offered, rules_by_name(target, wanted))
    for name, value in given.items():
        for number, part in enumerate(value if isinstance(value, list) else ()):
            if isinstance(part, Mapping) and "_target_" in part:
                check_part(f"{key}.{name}.{number}", part, kind, trusted_packages)
    for name, parameter in source.signature.parameters.items():
        if parameter.required and name not in {*given, *offered, *wanted.filled, *_positional(source, kind)}:
            raise ValueError(f"{key}.{name} must be given: {source.name} has no default for it.")
    return source


def check_class(key: str, target: Any, kind: str, trusted_packages: Sequence[str]) -> ClassSource | None:
    """Hold the dotted path of a class against what is trusted, and against its kind.

    Returns:
        The class; None where it can be checked only after its import.

    Raises:
        ValueError: It is not trusted, not there, or of another kind.
    """
    check_trusted(target, KINDS[kind], trusted_packages, key)
    return _read(target, KINDS[kind], key)


def check_part(key: str, part: Mapping[str, Any], kind: str, trusted_packages: Sequence[str]) -> None:
    """Hold a section in a list of another, such as the schedules of a SequentialLR, against what its class takes.

    Raises:
        ValueError: Something is wrong, or a key is of the whole and not of a part.
    """
    for name in part.keys() & KINDS[kind].own_keys.keys():
        raise ValueError(f"{key}.{name} must stand beside {kind}._target_, for all parts; got {part[name]!r} here.")
    check_section(key, part, kind, trusted_packages)


def rules_by_name(target: str, kind: Kind) -> Mapping[str, Rule]:
    """The rules that an argument's name alone gives: for the packages that they were written for."""
    return kind.rules if any(target.startswith(f"{module}.") for module in kind.trusted) else {}


def check_settings(key: str, settings: Mapping[str, Any], kind: str) -> None:
    """Hold a section's numbers against the rules of their names, for those who call the classes from Python.

    Raises:
        ValueError: A value breaks its rule.
    """
    wanted = KINDS[kind]
    rules = {**rules_by_name(str(settings.get("_target_")), wanted), **wanted.own_keys}
    for name in settings.keys() & rules.keys():
        check(f"{key}.{name}", settings[name], rules[name])


def check_arguments(
    key: str,
    given: Mapping[str, Any],
    name: str,
    signature: Signature,
    offered: Collection[str] = (),
    rules: Mapping[str, Rule] | None = None,
) -> None:
    """Hold arguments against what a class or a function takes.

    Args:
        key: Goes before an argument's name in messages.
        given: The arguments.
        name: Of the class or function.
        signature: What it takes.
        offered: Arguments that only gradexp gives.
        rules: Of arguments by name; they come before those of the signature.

    Raises:
        ValueError: There is no such argument, it is not the user's to give, or its value breaks its rule.
    """
    valid = [one for one in signature.parameters if one not in offered]
    for argument, value in given.items():
        if argument in offered:
            raise ValueError(
                f"{key}.{argument} is set by {SET_BY.get(argument, 'gradexp')} and cannot be given here; got {value!r}."
            )
        parameter = signature.parameters.get(argument)
        if parameter is None:
            if signature.takes_any:
                continue
            raise ValueError(
                f"{key}.{argument} is not an argument of {name}, which takes {', '.join(valid) or 'none'}."
                f"{did_you_mean(argument, valid)}"
            )
        for rule in ((rules or {}).get(argument), parameter.rule):
            if rule is not None:
                check(f"{key}.{argument}", value, rule)


def _read(target: str, wanted: Kind, key: str) -> ClassSource | None:
    try:
        source = read_class(target)
    except MissingNameError as error:
        if not class_names(target.rpartition(".")[0], wanted.bases, like=target.rpartition(".")[2]):
            raise ValueError(f"{key} must name {wanted.noun}; got {target}: {error}") from error
        raise ValueError(_other_kind(target, wanted, key)) from error
    if source is not None and (source.is_subclass(wanted.bases) is False or source.is_abstract):
        raise ValueError(_other_kind(target, wanted, key))
    return source


def _other_kind(target: str, wanted: Kind, key: str) -> str:
    module, _, name = target.rpartition(".")
    valid = class_names(module, wanted.bases, like=name)
    listed = "" if has_many(module) else f" {module} has {', '.join(valid) or 'none'}."
    return f"{key} must name {wanted.noun}; got {target}.{did_you_mean(name, valid)}{listed}"


def _positional(source: ClassSource, kind: str) -> Sequence[str]:
    """The first argument of optimizers and schedules, which gradexp gives by its place, whatever its name."""
    assert source.signature is not None
    return list(source.signature.parameters)[:1] if kind in ("optimizer", "scheduler") else ()
