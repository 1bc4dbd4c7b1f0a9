"""The rules of all keys that belong to no class, by their full names. A new key needs one row here.

Keys of sections with a `_target_` have their rules in the annotations of the class (see gradexp.building).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradexp.by_file import names_in
from gradexp.configuration.trainer_rules import TRAINER_RULES
from gradexp.explain import topic_names
from gradexp.rules import (
    BOOLEAN,
    COUNT,
    FINITE,
    MONITOR,
    NON_NEGATIVE,
    SECTION,
    TEXT,
    WHOLE,
    Rule,
    at_least,
    is_list,
    list_of,
    one_of,
    or_null,
)

TASKS = ("train", "test", "predict", "audit", "bias_variance", "report", "compare", "explain", "export")
TOPICS = tuple(topic_names())
# From the file names, as sweeps imports this package and not the other way round.
STUDIES = tuple(names_in([str(Path(__file__).parents[1] / "sweeps" / "report" / "studies")], shared="study"))


def baseline(given: Any) -> dict[str, Any] | None:
    """The keys and values of `compare.baseline`: a text KEY=VALUE,..., or a section; None if it is neither."""
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()} or None
    parts = [part.partition("=") for part in re.split(r",(?=[^,=]+=)", given)] if isinstance(given, str) else []
    is_whole = all(key.strip() and equals for key, equals, _ in parts)
    return {key.strip(): value.strip() for key, _, value in parts} if parts and is_whole else None


def _is_metric_with_mode(given: Any) -> bool:
    return isinstance(given, Mapping) and len(given) == 1 and set(given.values()) <= {"max", "min"}


def _is_zip(given: Any) -> bool:
    return is_list(given) and len(given) > 1 and all(isinstance(key, str) for key in given)


FIGURE_FORMATS = ("png", "svg", "pdf")
LISTED_FORMATS = list_of(one_of(*FIGURE_FORMATS), "a list", empty=False)
METRIC = Rule(MONITOR.words, TEXT.holds, MONITOR.names)  # of any module; our models have the rule MONITOR

KEY_RULES: Mapping[str, Rule] = {
    # Part of a path, and of the command that Lightning starts again for every further process.
    "name": Rule(
        "letters, digits, dots, dashes and underscores, not dots alone",
        lambda value: isinstance(value, str | int) and re.fullmatch(r"(?!\.+$)[A-Za-z0-9._-]+", str(value)) is not None,
    ),
    "task": one_of(*TASKS),
    "seed": WHOLE,
    "ckpt_path": or_null(TEXT),
    "init_from": or_null(TEXT),
    "freeze": list_of(TEXT, "a list of names of layers or parameters, such as [linear_1] or ['linear_*']"),
    "input": or_null(TEXT),
    "predictions_format": one_of("csv", "parquet"),
    "topic": or_null(one_of(*TOPICS)),
    "sweep_dir": or_null(TEXT),
    "data_dir": or_null(TEXT),
    "monitor": METRIC,
    "monitor_mode": or_null(one_of("max", "min")),
    "test": BOOLEAN,
    "target_score": or_null(FINITE),
    "figures": Rule(
        "true, false or auto", lambda value: isinstance(value, bool) or value == "auto", ("true", "false", "auto")
    ),
    "figure_format": Rule(
        "one of png, svg, pdf, or a list of them, such as [png,pdf]",
        lambda value: value in FIGURE_FORMATS if isinstance(value, str) else LISTED_FORMATS.holds(value),
        FIGURE_FORMATS,
    ),
    "figure_size": or_null(one_of("column", "page")),
    "progress": BOOLEAN,
    "report": BOOLEAN,
    "threads": Rule(
        "auto, or a whole number of at least 1", lambda value: value == "auto" or COUNT.holds(value), ("auto",)
    ),
    "trusted_packages": list_of(
        Rule("a name", lambda value: isinstance(value, str) and value.isidentifier()),
        "a list of names of packages, such as [gradexp,my_package]",
    ),
    "metrics": SECTION,
    "callbacks": SECTION,
    "logger": SECTION,
    "early_stopping.patience": or_null(WHOLE),
    "early_stopping.min_delta": NON_NEGATIVE,
    "regularizer.l1": NON_NEGATIVE,
    "regularizer.l2": NON_NEGATIVE,
    "regularizer.proximal": BOOLEAN,
    "resampling.copies": at_least(2),
    "resampling.size": Rule(
        "a whole number of samples of at least 1 or a share between 0 and 1",
        lambda value: COUNT.holds(value) or (isinstance(value, float) and 0 < value < 1),
    ),
    "compare.folders": list_of(
        TEXT, "a list of folders of multiruns and of runs, such as [outputs/sweeps/a,outputs/b]"
    ),
    "compare.baseline": Rule(
        "KEY=VALUE, or several with commas between, of one of the settings, or null",
        lambda value: value is None or baseline(value) is not None,
    ),
    "compare.metric": TEXT,
    "compare.delta": or_null(NON_NEGATIVE),
    "export.format": one_of("onnx", "torch_export", "state_dict"),
    "search.sampler": one_of("tpe", "cmaes", "qmc", "random"),
    "search.trials": COUNT,
    "search.seeds": Rule("a whole number from 1 to 100", lambda value: COUNT.holds(value) and value <= 100),
    "search.race": COUNT,
    "search.seed": WHOLE,
    "search.batch": COUNT,
    "search.monitors": list_of(
        Rule("a metric", lambda value: TEXT.holds(value) or _is_metric_with_mode(value)),
        "a list of metrics, such as [val/loss,parameters], one whose better way is unknown as {NAME:max} or {NAME:min}",
    ),
    "search.pruning": Rule(
        "true, false or auto", lambda value: isinstance(value, bool) or value == "auto", ("true", "false", "auto")
    ),
    "search.fresh": WHOLE,
    "early_stopping.thresholds": or_null(list_of(FINITE, "a list of scores, one for each validation")),
    "sweep.axes": SECTION,
    "sweep.zip": Rule(
        "a list of two or more keys, such as [optimizer,optimizer.lr], or a list of such lists",
        lambda value: is_list(value) and (_is_zip(value) or all(map(_is_zip, value))),
    ),
    "sweep.final": or_null(SECTION),
    "sweep.study": or_null(one_of(*STUDIES)),
    "sweep.resume": or_null(TEXT),
    "sweep.on_failure": one_of("continue", "stop"),
    "sweep.dry_run": BOOLEAN,
    **{f"trainer.{name}": rule for name, rule in TRAINER_RULES.items()},
}

LISTED_TRAINER_KEYS = (
    "accelerator", "devices", "strategy", "precision", "max_epochs", "max_steps", "gradient_clip_val",
    "gradient_clip_algorithm", "accumulate_grad_batches", "check_val_every_n_epoch", "log_every_n_steps",
    "deterministic",
)  # fmt: skip
# Keys that no file of conf/ lists; added with a plus, they are passed to Lightning.
OPTIONAL = tuple(f"trainer.{name}" for name in TRAINER_RULES if name not in LISTED_TRAINER_KEYS)

# Sections whose keys are all in the table.
CLOSED_SECTIONS = ("compare", "early_stopping", "export", "regularizer", "resampling", "search", "sweep", "trainer")


def key_taking(section: str, value: Any) -> str | None:
    """The key of a section whose rule lists the value, with a plus where one is typed: of gpu, trainer.accelerator."""
    rules = {key: rule for key, rule in KEY_RULES.items() if key.startswith(f"{section}.")}
    found = next((key for key, rule in rules.items() if value in rule.names and rule.holds(value)), None)
    return f"+{found}" if found in OPTIONAL else found
