"""Messages for keys and options that nothing reads: with the new name if renamed, else with the most similar key."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS, NAMED_CLASSES
from gradexp.building.modules import find_module
from gradexp.building.names import public_names
from gradexp.configuration.groups import added_group, groups
from gradexp.configuration.key_rules import KEY_RULES, OPTIONAL, key_taking
from gradexp.configuration.other_options import options_with
from gradexp.configuration.values import flat
from gradexp.rules.words import did_you_mean, is_slip, other_word

CUTOFF = 0.6  # of the similarity, as in difflib.get_close_matches

# New names of renamed keys, options (by group and option) and classes.
KEYS: Mapping[str, str] = {
    "case": "problem",
    "data.passes": "data.repeat",
    "optimizer.name": "optimizer._target_",
    "scheduler.name": "scheduler._target_",
}
OPTIONS: Mapping[tuple[str, str], str] = {("model", "perceptron"): "sigmoid_units"}
# What others call an option, where its group alone says which is meant.
MEANT: Mapping[tuple[str, str], str] = {("loss", "mae"): "l1", ("regularizer", "ridge"): "l2"}
# What others choose as an option, and gradexp has without one.
BUILT_IN: Mapping[tuple[str, str], str] = {
    ("callbacks", "earlystopping"): "early_stopping.patience=EPOCHS",
    ("callbacks", "modelcheckpoint"): "monitor=METRIC, by which best.ckpt is chosen",
    **{("metrics", name): f"monitor=val/{name}" for name in ("accuracy", "loss", "mse", "r2")},
}
# The penalties of which others say only how strong they are.
STRENGTHS = ("lambda", "lambda_", "lambd", "alpha", "strength", "factor")
REPORTS = (
    "AccuracyAndLoss", "ClassifierFigures", "DecisionBoundary", "DescentReport", "LeastSquaresReport",
    "PerceptronBound", "RegressionFigures",
)  # fmt: skip
CLASSES: Mapping[str, str] = {
    "gradexp.models.Perceptron": "gradexp.models.SigmoidUnits",
    **{f"gradexp.callbacks.{name}": f"gradexp.reports.{name}" for name in REPORTS},
}

Plain = Mapping[str, Any]


def renamed_option(group: str, option: str) -> str | None:
    """The message for an option that was renamed; None for any other."""
    new = OPTIONS.get((group, option))
    return f"{group}={option} is now called {group}={new}." if new is not None else None


def meant_option(group: str, option: str) -> str:
    """' Did you mean OPTION?', or how a class of PyTorch is typed that no option names; empty if nothing is near."""
    options = groups().get(group, ())
    if (group, option.lower()) in MEANT:
        return f" Did you mean {MEANT[group, option.lower()]}?"
    key = key_taking(group, option)
    if key is not None:
        return f" Type {key}={option}"
    near = did_you_mean(option, options)
    known = other_word(option, options) is not None or any(_bare(option) == _bare(one) for one in options)
    if (group, _bare(option)) in BUILT_IN:
        return f" Type {BUILT_IN[group, _bare(option)]}"
    is_named = group in NAMED_CLASSES
    target = None if known or not (is_named or group in ("optimizer", "scheduler", "loss")) else _class(group, option)
    source = read_class(target) if target else None
    if source is None or source.signature is None:
        return near
    kind = KINDS[group]
    given = {*kind.offered, *kind.filled, *list(source.signature.parameters)[: group != "loss"]}
    if is_named:
        return f" Type {named_class(group, option)}"
    required = [name for name, one in source.signature.parameters.items() if one.required and name not in given]
    return f" Type {' '.join([f'{group}._target_={target}', *(f'{group}.{name}=VALUE' for name in required)])}"


def named_class(group: str, name: str) -> str | None:
    """How a library's class is typed under a name, such as `wandb` in the section `logger`; None if there is none."""
    target = _class(group, name)
    return f"+{group}.{name}._target_={target}" if target is not None and name.isidentifier() else None


def _class(group: str, option: str) -> str | None:
    """The dotted path of PyTorch's class that is called so, without regard to case, underscores and suffix."""
    module = KINDS[group].trusted[-1]
    names = public_names(found) if (found := find_module(module)) is not None else []
    name = next((one for one in names if one[:1].isupper() and _bare(one) == _bare(option)), None)
    return f"{module}.{name}" if name is not None else None


def _bare(name: str) -> str:
    return re.sub(r"(loss|lr|logger)$", "", name.lower().replace("_", ""))


def unknown_key(key: str, node: Plain) -> str:
    """The message for a key that nothing reads."""
    if key in KEYS:
        return f"{key} is now called {KEYS[key]}."
    if key in OPTIONAL:
        return f"{key} is not in the configuration, but can be added: +{key}=VALUE."
    parent, _, name = key.rpartition(".")
    section: Any = node
    for part in parent.split(".") if parent else ():
        section = section.get(part, ()) if isinstance(section, Mapping) else ()
    if section in (None, {}) and key.startswith("hydra."):  # null; omegaconf has made it empty for the key
        return f"{key} must be given with its whole section, which is null: type '{parent}={{{name}:VALUE}}'."
    listed = ", ".join(sorted(map(str, section))) if isinstance(section, Mapping) else ""
    keys = f" Keys of {parent or 'the top level'}: {listed}." if listed else ""
    is_hydras = key.startswith("hydra.")
    known = [one for one in flat(node) if one.startswith("hydra.")] if is_hydras else known_keys(node)
    added = None if parent else added_group(name)
    nearest = f"+{added}=OPTION" if added is not None else nearest_key(key, known)
    if key in ("launcher", "sweeper"):
        nearest = f"-m hydra/{key}=OPTION"
    if parent == "regularizer" and name in STRENGTHS:
        nearest = "regularizer.l1 or regularizer.l2"
    hint = f" Did you mean {nearest}?" if nearest is not None else _of_other_options(key)
    return f"{key} is not a key of the configuration.{hint}{keys}"


def _of_other_options(key: str) -> str:
    """What to type for an argument that other options than the chosen ones take; its section may be missing."""
    section, _, name = key.rpartition(".")
    group = section.replace(".", "/")
    if group in groups():
        options = options_with(group, name)
        return f" It belongs to {group}={' or '.join(options)}." if options else ""
    for group in (*CLASS_GROUPS, "hydra/launcher"):
        for option in options_with(group, key):
            flag = "-m " if group not in CLASS_GROUPS else ""
            return f" Type {flag}{group}={option} {group.replace('/', '.')}.{key}=VALUE."
    return ""


def known_keys(node: Plain) -> list[str]:
    """All keys that may be typed: those of the configuration first, then further arguments of its classes."""
    keys = [key for key in flat(node) if not key.startswith(("hydra.", "sweep.axes."))] + [*KEY_RULES, *CLASS_GROUPS]
    for group in CLASS_GROUPS:
        section = node.get(group)
        target = section.get("_target_") if isinstance(section, Mapping) else None
        try:
            source = read_class(target) if isinstance(target, str) else None
        except ValueError:
            continue
        if source is not None and source.signature is not None:
            kind = KINDS[group]
            set_by_us = {*kind.offered, *(kind.offered_to[1] if kind.offered_to else ())}
            keys += [f"{group}.{name}" for name in source.signature.parameters if name not in set_by_us]
        keys += [f"{group}.{name}" for name in KINDS[group].own_keys]
    return keys


def nearest_key(key: str, valid: Sequence[str]) -> str | None:
    """The dotted key that is another word for this one, or the most similar; its last part counts most."""

    def similarity(candidate: str) -> tuple[float, float]:
        pairs = ((key.rpartition(".")[2], candidate.rpartition(".")[2]), (key, candidate))
        last, whole = (SequenceMatcher(None, one.lower(), other.lower()).ratio() for one, other in pairs)
        return last, whole

    key = key.replace("/", ".")
    parent, _, name = key.rpartition(".")
    elsewhere = [one for one in valid if one.rpartition(".")[2] == name]
    if elsewhere:
        return max(elsewhere, key=similarity)
    in_section = [one for one in valid if one.rpartition(".")[0] == parent]
    for keys in (in_section, valid):
        found = other_word(name, [one.rpartition(".")[2] for one in keys])
        if found is not None:
            return next(one for one in keys if one.rpartition(".")[2] == found)
    near = [one for one in valid if similarity(one) > (CUTOFF, 0.0) and is_slip(name, one.rpartition(".")[2])]
    return max(near, key=similarity, default=None)
