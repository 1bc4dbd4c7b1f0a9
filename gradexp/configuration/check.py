"""Checks a whole configuration before torch is imported: every key is known, every value obeys its rule.

The rule of a key is in the table of key_rules, or in the class that the key's section names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gradexp.building.class_reader import read_class, read_function
from gradexp.building.class_source import ClassSource
from gradexp.building.kinds import CLASS_GROUPS, KINDS, NAMED_CLASSES, PROXIMAL_NEEDS_SGD
from gradexp.building.names import MissingNameError
from gradexp.building.sections import UnknownArgumentError, check_arguments, check_class, check_section
from gradexp.building.trust import check_trusted
from gradexp.configuration.ignored import OURS, check_ignored
from gradexp.configuration.key_rules import KEY_RULES, OPTIONAL, TOPICS
from gradexp.configuration.monitor import check_monitor
from gradexp.configuration.other_options import with_options
from gradexp.configuration.penalty_keys import check_penalties
from gradexp.configuration.retyped import is_in_checkpoint
from gradexp.configuration.section_values import SECTIONS, check_is_section
from gradexp.configuration.trainer_rules import SET_BY_GRADEXP, TRAINER_RULES
from gradexp.configuration.unknown_keys import CLASSES, KEYS, unknown_key
from gradexp.configuration.values import flat, resolved
from gradexp.rules import SECTION, check, check_folds, did_you_mean

AUGMENTATION = "gradexp.data.images.augmentation.RandomGeometry"
TRAINER = "lightning.pytorch.Trainer"

LARGEST_SEED = 2**32 - 1

Plain = Mapping[str, Any]


def check_config(
    cfg: DictConfig, overrides: Sequence[str] = (), own_keys: bool = False, saved: Plain | None = None
) -> None:
    """Check a configuration against the rules of its keys and classes.

    Args:
        cfg: The composed configuration, with unresolved interpolations and without the section `hydra`.
        overrides: The typed overrides; each must have an effect.
        own_keys: Whether to accept unknown top-level keys as the user's own. In a checkpoint's configuration, the
            interpolations that refer to them are already resolved.
        saved: The configuration in the checkpoint, with which `cfg` has been completed.

    Raises:
        ValueError: A key or value is wrong; the message names the key in full.
    """
    node = resolved(cfg)
    referenced = set(node) if own_keys else set(_references(OmegaConf.to_container(cfg, resolve=False)))
    for key in KEYS:
        parent, _, name = key.rpartition(".")
        if name in (node.get(parent) or {} if parent else node):
            raise ValueError(unknown_key(key, node))
    _check_sections(node, referenced)
    named = {f"{group}.{name}": section for group in NAMED_CLASSES for name, section in node[group].items()}
    for key, section in {**{group: node[group] for group in CLASS_GROUPS}, **named}.items():
        target = section.get("_target_") if isinstance(section, Mapping) else None
        if isinstance(target, str) and target in CLASSES:
            raise ValueError(f"{key}._target_={target} is now called {CLASSES[target]}.")
    for key, rule in KEY_RULES.items():
        _check_key(node, key, rule)
    # With a checkpoint, the classes come from its configuration, which is checked when it has been read.
    is_complete = own_keys or node["ckpt_path"] is None
    classes = _check_classes(node) if is_complete else {}
    _check_augmentation(node, classes.get("data"))
    _check_trainer(node["trainer"])
    _check_paths(node, classes.get("model"))
    if is_complete:  # a checkpoint may have further penalties
        check_penalties(node["regularizer"], node["trusted_packages"])
        if str(node["data"].get("_target_")).startswith("gradexp.data."):  # another's class may mean other folds
            check_folds(node["data"].get("folds"), node["data"].get("fold"))
    _check_unknown(node)
    _check_combinations(node)
    optimizer = node["optimizer"]["_target_"]
    if is_complete and node["regularizer"]["proximal"] and not str(optimizer).endswith(".SGD"):
        raise ValueError(PROXIMAL_NEEDS_SGD.format(str(optimizer).rpartition(".")[2]))
    model = classes.get("model")
    if model is not None and model.is_subclass([OURS]):
        check_monitor(node)
        if optimizer is None:
            noun = KINDS["optimizer"].noun
            raise ValueError(
                f"optimizer._target_ must name {noun}, such as torch.optim.SGD, for {model.name}; got null."
            )
    check_ignored(overrides, node, model, is_so=lambda key: is_in_checkpoint(key, node, saved))


def _check_sections(node: Plain, referenced: set[str]) -> None:
    """Check that the top level has all sections, and no other keys than ours and those that interpolations use."""
    for name in SECTIONS:
        check_is_section(name, node)
    ours = {*SECTIONS, "augmentation", *(key.partition(".")[0] for key in KEY_RULES)}
    for name in node.keys() - ours - referenced:
        full_key = next(iter(flat({name: node[name]})))  # for a section, its first key
        raise ValueError(unknown_key(full_key, _without(node, name)))


def _check_key(node: Plain, key: str, rule: Any) -> None:
    parent, _, name = key.rpartition(".")
    section = node[parent] if parent else node
    if name in section:
        check(key, section[name], rule)
    elif key not in OPTIONAL:
        raise ValueError(f"{key} must be {rule.words}; it was deleted.")


def _check_classes(node: Plain) -> dict[str, ClassSource | None]:
    trusted = node["trusted_packages"]
    try:
        classes = {group: check_section(group, node[group], group, trusted) for group in CLASS_GROUPS}
    except UnknownArgumentError as error:
        group, _, name = error.key.partition(".")
        raise ValueError(with_options(error, node[group].get(name), node[group]["_target_"])) from error
    for group in NAMED_CLASSES:
        for name, section in node[group].items():
            check_section(f"{group}.{name}", section, group, trusted)
    return classes


def _check_augmentation(node: Plain, data: ClassSource | None) -> None:
    given = node.get("augmentation") or {}
    check("augmentation", given, SECTION)
    if not given:
        return
    geometry = read_class(AUGMENTATION)
    if geometry is not None and geometry.signature is not None:
        check_arguments("augmentation", given, geometry.name, geometry.signature)
    if data is None or data.signature is None or data.signature.takes_any:
        return
    if "augmentation" not in data.signature.parameters:
        raise ValueError(f"augmentation must be none for {data.name}, which has no augmentation; got {dict(given)}.")


def _check_trainer(given: Plain) -> None:
    trainer = read_class(TRAINER)
    valid = list(trainer.signature.parameters if trainer is not None and trainer.signature else TRAINER_RULES)
    for name, value in given.items():
        if name in SET_BY_GRADEXP:
            raise ValueError(f"trainer.{name} cannot be given: {SET_BY_GRADEXP[name]}; got {value!r}.")
        if name not in valid:
            takes = ", ".join(argument for argument in valid if argument not in SET_BY_GRADEXP)
            raise ValueError(
                f"trainer.{name} is not an argument of Trainer, which takes {takes}.{did_you_mean(name, valid)}"
            )
    if given["accelerator"] == "cpu" and isinstance(given["devices"], list):
        raise ValueError(
            f"trainer.devices must be a number of processes for trainer.accelerator=cpu; got {given['devices']}."
        )


def _check_paths(node: Plain, model: ClassSource | None) -> None:
    """Check dotted paths in arguments of our models: activation classes and weight initialisers."""
    if model is None or not model.is_subclass([OURS]):
        return
    trusted, given = node["trusted_packages"], node["model"]
    if "." in str(given.get("activation", "")):
        check_class("model.activation", given["activation"], "activation", trusted)
    if "." in str(given.get("init", "")):
        check_trusted(given["init"], KINDS["init"], trusted, "model.init")
        try:
            read_function(given["init"])
        except MissingNameError as error:
            raise ValueError(f"model.init must name a function; got {given['init']}: {error}.") from error


def _check_unknown(node: Plain) -> None:
    """Check that the sections without a class have no other keys than those in the table."""
    for section in ("compare", "early_stopping", "export", "resampling", "search", "sweep"):
        for name in node[section]:
            if f"{section}.{name}" not in KEY_RULES:
                rest = {**_without(node, section), section: _without(node[section], name)}
                raise ValueError(unknown_key(f"{section}.{name}", rest))


def _check_combinations(node: Plain) -> None:
    """Check keys that depend on each other."""
    trainer = node["trainer"]
    if trainer["max_epochs"] == trainer["max_steps"] == -1 and node["early_stopping"]["patience"] is None:
        raise ValueError(
            "trainer.max_epochs and trainer.max_steps must not both be -1, as the fit would never end; "
            "set one of them, or early_stopping.patience."
        )
    if trainer["gradient_clip_algorithm"] == "value" and trainer["gradient_clip_val"] is None:
        raise ValueError("trainer.gradient_clip_algorithm=value must go with trainer.gradient_clip_val; got null.")
    if trainer["max_epochs"] != -1 and (trainer.get("min_epochs") or 0) > trainer["max_epochs"]:
        raise ValueError(
            f"trainer.min_epochs must be at most trainer.max_epochs, {trainer['max_epochs']}; got "
            f"{trainer['min_epochs']}."
        )
    stopping = node["early_stopping"]
    if stopping["min_delta"] and stopping["patience"] is None:
        raise ValueError(
            "early_stopping.min_delta must go with early_stopping.patience, which is null; got "
            f"{stopping['min_delta']}."
        )
    if node["seed"] > LARGEST_SEED:
        raise ValueError(f"seed must be at most {LARGEST_SEED}, the largest that NumPy takes; got {node['seed']}.")
    task, sweep_dir = node["task"], node["sweep_dir"]
    if task == "report" and (sweep_dir is None or not Path(sweep_dir).is_dir()):
        what = "is a file" if Path(str(sweep_dir)).is_file() else "does not exist"
        got = "got null" if sweep_dir is None else f"{sweep_dir} {what}"
        raise ValueError(
            f"sweep_dir must be the folder of a multirun or of a run for task=report; {got}. "
            "Multiruns are written below outputs/sweeps/."
        )
    if task == "compare" and not node["compare"]["folders"]:
        raise ValueError(
            "compare.folders must be a list of folders of multiruns and of runs for task=compare; got []. Type "
            '"compare.folders=[FOLDER,FOLDER]".'
        )
    for key in ("init_from", "freeze") if task in ("audit", "bias_variance") and node["ckpt_path"] is None else ():
        if node[key]:  # of an experiment, as a typed one is refused with every other task
            raise ValueError(f"{key} has no effect with task={task}, only with task=train; got {node[key]}.")
    if task == "explain" and node["topic"] is None:
        raise ValueError(f"topic must be one of {', '.join(TOPICS)} for task=explain; got null.")
    if task in ("test", "predict", "export") and node["ckpt_path"] is None:
        raise ValueError(
            f"ckpt_path must be a checkpoint for task={task}; got null. "
            "Type ckpt_path=RUN/checkpoints/best.ckpt, where RUN is the folder of a finished run."
        )


def _references(value: Any) -> Iterator[str]:
    """Top-level keys to which interpolations such as ``${width}`` refer."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{\s*([A-Za-z_]\w*)\s*[.\[}]", value)


def _without(section: Plain, name: str) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key != name}
