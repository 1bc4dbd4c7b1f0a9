"""Every key of the configuration has a rule, and every rule has a key."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from gradexp.app.composition import compose
from gradexp.app.section_loader import class_sections
from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS, NAMED_CLASSES
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.key_rules import CLOSED_SECTIONS, KEY_RULES, OPTIONAL
from gradexp.configuration.penalty_keys import penalty_names
from gradexp.configuration.trainer_rules import SET_BY_GRADEXP, TRAINER_RULES


@pytest.mark.slow
def test_every_key_of_the_configuration_has_a_rule() -> None:
    without_rule = []
    penalties = {f"regularizer.{name}" for name in penalty_names()}
    # Experiments and problems add no keys, otherwise `compose` would refuse them (test_files.py).
    options: dict[str, list[str]] = {}
    for path in CONF_DIR.glob("*/*.yaml"):
        group = path.parent.name
        if group not in ("experiment", "problem"):
            plus = "+" if group in ("callbacks", "metrics", "sweep") else ""
            options.setdefault(group, []).append(f"{plus}{group}={path.stem}")
    # An option of each group at once: composing takes longer than all else.
    for overrides in [[], *(list(filter(None, chosen)) for chosen in itertools.zip_longest(*options.values()))]:
        with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
            cfg = hydra_compose("config", overrides=overrides)
        node: Any = OmegaConf.to_container(cfg, resolve=False)
        without_rule += [key for key in _leaves(node) if key not in penalties and not _has_rule(key, node)]
    assert sorted(set(without_rule)) == []


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in node.items():
        key = f"{prefix}{name}"
        if (isinstance(value, Mapping) and key not in KEY_RULES) or key in ("metrics", "callbacks", "logger"):
            yield from _leaves(value, f"{key}.")
        else:
            yield key


def _has_rule(key: str, node: Mapping[str, Any]) -> bool:
    """Whether the key is in the table, or is an argument or one of the additional keys of its section's class."""
    section, _, name = key.rpartition(".")
    if key in KEY_RULES:
        return True
    group = section.partition(".")[0]
    if group == "augmentation":
        description = read_class("gradexp.data.images.augmentation.RandomGeometry")
        return (
            description is not None and description.signature is not None and name in description.signature.parameters
        )
    if group not in (*CLASS_GROUPS, *NAMED_CLASSES):
        return False
    if name == "_target_" or name in KINDS[group].own_keys:
        return True
    target = OmegaConf.select(OmegaConf.create(dict(node)), f"{section}._target_")
    description = read_class(target)
    return description is not None and description.signature is not None and name in description.signature.parameters


def test_every_trainer_argument_has_a_rule_or_is_set_by_gradexp() -> None:
    trainer = read_class("lightning.pytorch.Trainer")
    assert trainer is not None
    assert trainer.signature is not None
    assert TRAINER_RULES.keys() | SET_BY_GRADEXP.keys() == trainer.signature.parameters.keys()
    assert not TRAINER_RULES.keys() & SET_BY_GRADEXP.keys()


def test_every_key_in_the_table_exists() -> None:
    node: Any = OmegaConf.to_container(compose(), resolve=False)
    for key in KEY_RULES.keys() - set(OPTIONAL):
        section, _, name = key.rpartition(".")
        assert name in (node[section] if section else node), key
    assert set(CLOSED_SECTIONS) <= node.keys()
