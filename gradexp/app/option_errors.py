"""Messages for overrides that Hydra can read and refuses: which rule they break, and what to type."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gradexp.app.quoting import in_shell, split
from gradexp.app.suggestions import default_of, setting
from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS
from gradexp.configuration.groups import groups, option_file
from gradexp.configuration.other_options import options_with


def option_error(text: str) -> str | None:
    """The message for what Hydra says of an override; None if it is none of these errors."""
    for pattern, message in MESSAGES.items():
        found = re.match(pattern, text)
        if found:
            return message(*found.groups())
    return None


def _unchosen(group: str, option: str) -> str:
    """Of `experiment=mnist`, whose group has no default option."""
    line = f"{group}={option}"
    if group in groups():
        return f"{group} must have a plus, as it has no default option; got {line}. Type {setting(group, option)}"
    return f"{group} must be a group or a key; got {line}.{_typed(setting(group, option))}"


def _no_group(line: str, group: str) -> str:
    """Of `+optimiser/x=1`, and of a key with a slash for a dot."""
    value = line.partition("=")[2]
    return f"{group} must be a group; got {line}.{_typed(setting(group.replace('/', '.'), value))}"


def _chosen(group: str, option: str = "OPTION") -> str:
    """Of `+optimizer=adam`, whose group has an option already; also in the list `defaults` of somebody's file."""
    lines = _typed_with_plus(group)
    if len(lines) > 1:
        return f"{group} must be given once; got {' and '.join(f'+{line}' for line in lines)}. Leave out all but one"
    if not lines:
        return (
            f"{group} must be overridden in a list of defaults, as an option of it is chosen already; got {group}: "
            f"{option}. Write - override /{group}: {option}"
        )
    return f"{group} must have no plus, as an option of it is chosen already; got +{lines[0]}. Type {lines[0]}"


def _forced(line: str) -> str:
    """Of `++experiment=mnist`: Hydra has no such thing for groups."""
    bare = line.lstrip("+")
    group, _, option = bare.partition("=")
    return f"{group} must not have two plusses, as it is a group; got {line}. Type {setting(group, option) or bare}"


def _present(key: str, line: str) -> str:
    """Of `+seed=1`, which is a key already."""
    return f"{key} must have no plus, as it is in the configuration already; got +{line}. Type {in_shell(line)}"


def _several(line: str) -> str:
    """Of `optimizer.lr=0.1,0.01` without -m."""
    key, _, value = line.partition("=")
    values = split(value)
    joined = ",".join(values)
    default = default_of(key.lstrip("+"))
    as_list, as_jobs = in_shell(f"{key}=[{joined}]"), f"-m {in_shell(f'{key}={joined}')}"
    start = f"{key} must have one value in a single run; got {value}. Type"
    if isinstance(default, list):
        return f"{start} {as_list}"
    if isinstance(default, float) and re.fullmatch(r"\d+, *\d+", value):
        return f"{start} {key}={values[0]}.{values[1]} with a decimal point, or {as_jobs} for a run of each"
    if default is None and key.lstrip("+") not in groups():
        ways = [f"{as_jobs} for a run of each", *([f"{as_list} for a list"] if _may_be(key, values) else [])]
        if re.search(r", +[^\W\d]", value) and _may_be(key, value):  # a comma within a sentence, or a name
            ways.insert(0, f"{in_shell(line)} for a text with a comma")
        return f"{start} {', or '.join(ways)}"
    return f"{start} {as_jobs} for a run of each"


def _may_be(key: str, value: Any) -> bool:
    """Whether no rule forbids a value of an argument, of whichever option of its group takes it."""
    group, _, name = key.lstrip("+").partition(".")
    options = options_with(group, name) if group in CLASS_GROUPS else ()
    sources = [read_class(str(option_file(group, option).get("_target_"))) for option in options]
    signatures = [source.signature for source in sources if source is not None and source.signature is not None]
    rules = [one.parameters[name].rule for one in signatures if name in one.parameters]
    return not rules or any(rule is None or rule.holds(value) for rule in rules)


def _sweep(line: str) -> str:
    """Of `seed=range(3)` without -m, and of an interval, which a grid refuses."""
    key, _, value = line.partition("=")
    typed = in_shell(line)
    ways = f"-m hydra/sweeper=optuna {typed} to search it" if "interval(" in value else f"-m {typed} for a run of each"
    return f"{key} must have one value in a single run; got {value}. Type {ways}"


def _hydras_own(line: str) -> str:
    """Of `-m hydra/launcher=joblib,ray`."""
    key, _, value = line.partition("=")
    return f"{key} must have one value for all jobs of a sweep; got {value}. Type {key}={split(value)[0]}"


def _not_deleted(key: str, value: str, typed: str) -> str:
    """Of `~optimizer=sgd` where it is another one."""
    return (
        f"{key} must be {value} to be deleted as such, which it is; got ~{key}={typed}. Type {key}=VALUE to change it"
    )


def _no_option_to_delete(group: str, option: str | None) -> str:
    """Of `~experiment`, and of `~optimizer=sgd` where another one is chosen."""
    line = f"~{group}={option}" if option else f"~{group}"
    chosen = f"{option} is not the option that is chosen" if option else "no option of it is chosen"
    return f"{group} must have this option, to be deleted; got {line}, but {chosen}. Leave {line} out"


def _typed_with_plus(key: str) -> list[str]:
    """What was typed with a plus for the key, without it."""
    return [word.lstrip("+") for word in sys.argv[1:] if re.match(rf"\+{re.escape(key)}[@=]", word)]


def _typed(line: str | None) -> str:
    return f" Type {line}" if line else ""


# What Hydra says, and the message in its place.
MESSAGES: Mapping[str, Callable[..., str]] = {
    r"Could not override '([^']+)'\. No match in the defaults list\.\nTo append .* use \+[^=]+=(.*)": _unchosen,
    r"(\S+) appears more than once in the final defaults list": _chosen,
    r"Multiple values for (\S+)\. To override a value use 'override [^:']+: ([^']*)'": _chosen,
    r"force-add of config groups is not supported: '(.*)'": _forced,
    r"(?s)Could not append to config\. An item is already at '([^']+)'\.\nEither remove \+ prefix: '(.*?)'\n": _present,
    r"(?s)Ambiguous value for argument '(.*)'\n1\. To use it as a list": _several,
    r"Sweep parameters '(.*)' requires --multirun": _sweep,
    r"Sweeping over Hydra's configuration is not supported : '(.*)'": _hydras_own,
    r"Override (\S+) looks like a config group override, but config group '(.*)' does not exist\.": _no_group,
    r"(?s)Cannot find primary config '(.*?)'\..*": lambda name: (
        f"--config-name must be a file in the folder of --config-dir; got {name}. Type --config-dir FOLDER "
        f"--config-name {name}, or leave it out"
    ),
    r"Could not delete from config\. The value of '(.*)' is (.*) and not (.*)\.": _not_deleted,
    r"Could not delete '([^=']+)(?:=([^']*))?'\. No match in the defaults list": _no_option_to_delete,
}
