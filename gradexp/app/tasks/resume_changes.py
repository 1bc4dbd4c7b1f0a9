"""The settings in which the configuration of a resumed fit differs from the one in its checkpoint."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from gradexp.app.tasks.resume_rules import ABSENT, Change
from gradexp.building.kinds import CLASS_GROUPS, NAMED_CLASSES
from gradexp.building.trust import trusted_class
from gradexp.configuration.hashes import ALL_LOCAL_KEYS
from gradexp.configuration.key_rules import CLOSED_SECTIONS, KEY_RULES
from gradexp.configuration.values import same

Config = Mapping[str, Any]

# The top level; other keys there are the user's own, for interpolations, whose effects show elsewhere.
KEYS = {*CLASS_GROUPS, *NAMED_CLASSES, *CLOSED_SECTIONS, "augmentation", *(key.partition(".")[0] for key in KEY_RULES)}
# Mappings that are one setting.
WHOLE = ("trainer.accumulate_grad_batches", "trainer.max_time")
OWN_DEFAULTS: Mapping[str, dict[str, Any]] = {"optimizer": {"no_decay": None}, "scheduler": {"warmup_steps": 0}}


def changes(saved: Config, config: Config) -> list[Change]:
    """The differences between two configurations, as plain data.

    What describes the machine or the command does not count, nor does a key that one of them lacks if the other has
    its class's default. Where the class of a section differs, the section is one change.
    """
    known = sorted(KEYS & saved.keys() & config.keys())
    trusted = config["trusted_packages"]
    return [change for key in known for change in _changes(key, saved[key], config[key], trusted)]


def _changes(key: str, old: Any, new: Any, trusted: Any) -> Iterator[Change]:
    if key in ALL_LOCAL_KEYS or _is_equal(key, old, new):
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)) or key in WHOLE:
        yield Change(key, old, new)
        return
    target = new.get("_target_")
    if old.get("_target_") != target:
        if key in CLASS_GROUPS:
            yield Change(key, old.get("_target_"), target)
        else:  # one was removed, another added
            yield Change(key, old, ABSENT)
            yield Change(key, ABSENT, new)
        return
    defaults = _defaults(key, target, trusted)
    for name in sorted(old.keys() | new.keys()):
        default = defaults.get(name, ABSENT)
        yield from _changes(f"{key}.{name}", old.get(name, default), new.get(name, default), trusted)


def _is_equal(key: str, old: Any, new: Any) -> bool:
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in (old, new)):
        return same(old, new)
    # To a trainer, 1 is one batch and 1.0 all of them.
    return bool(old == new) and (type(old) is type(new) or not key.startswith("trainer."))


def _defaults(key: str, target: Any, trusted: Any) -> dict[str, Any]:
    """The plain defaults of a section's class, those of its bases included."""
    kind = key.partition(".")[0]
    if target is None or kind not in (*CLASS_GROUPS, *NAMED_CLASSES):
        return {}
    found: dict[str, Any] = {}
    for cls in reversed(trusted_class(target, kind, trusted, f"{key}._target_").__mro__):
        constructor = vars(cls).get("__init__")
        parameters = inspect.signature(constructor).parameters if inspect.isfunction(constructor) else {}
        for name, parameter in parameters.items():
            if parameter.default is None or isinstance(parameter.default, bool | int | float | str | tuple):
                found[name] = parameter.default
    return found | OWN_DEFAULTS.get(kind, {})
