"""The rules that arguments obey: one table, read by the command line before torch is imported and by the classes."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gradexp.explain import topic_names
from gradexp.sweeps.studies import study_names

Activation = Literal[
    "relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid", "hardtanh", "identity"
]
OutputActivation = Literal["relu"]
Backward = Literal["autograd", "by_hand"]
Init = Literal["default", "lecun_normal", "kaiming_normal", "xavier_uniform", "normal"]
Task = Literal["train", "test", "predict", "audit", "bias_variance", "report", "explain"]


@dataclass(frozen=True)
class Rule:
    """What values an argument takes: words that follow "must be", a predicate, and its names where it has some."""

    words: str
    holds: Callable[[Any], bool]
    names: tuple[str, ...] = ()


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list_of(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(holds, value))


def one_of(names: Iterable[str]) -> Rule:
    """The rule for an argument that is one of `names`."""
    listed = tuple(names)
    return Rule(f"one of {', '.join(listed)}", lambda value: value in listed, listed)


def _or_null(rule: Rule) -> Rule:
    return Rule(f"{rule.words}, or null", lambda value: value is None or rule.holds(value), rule.names)


FINITE = Rule("a finite number", _is_number)
BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool))
POSITIVE = Rule("a finite number above 0", lambda value: _is_number(value) and value > 0)
NON_NEGATIVE = Rule("a finite number of at least 0", lambda value: _is_number(value) and value >= 0)
FRACTION = Rule("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1)
COUNT = Rule("a whole number of at least 1", lambda value: _is_int(value) and value >= 1)
WHOLE = Rule("a whole number of at least 0", lambda value: _is_int(value) and value >= 0)
COUNT_OR_ENDLESS = Rule("a whole number of at least 1, or -1 for no limit", lambda v: COUNT.holds(v) or v == -1)

NUMBER_OR_SHARE = Rule(
    "a whole number of samples (0 for none) or a fraction between 0 and 1",
    lambda v: WHOLE.holds(v) or (isinstance(v, float) and 0 < v < 1),
)

SEPARATOR_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}

RULES: Mapping[str, Rule] = {
    "task": one_of(get_args(Task)),
    "topic": _or_null(one_of(topic_names())),
    "seed": WHOLE,
    "test": BOOLEAN,
    "figures": Rule("true, false or auto", lambda v: isinstance(v, bool) or v == "auto", ("true", "false", "auto")),
    "target_score": _or_null(FINITE),
    "progress": BOOLEAN,
    "threads": Rule("auto, or a whole number of at least 1", lambda v: v == "auto" or COUNT.holds(v), ("auto",)),
    "monitor": Rule(
        "a metric of training or validation, such as val/accuracy, val/loss or train/loss",
        lambda v: isinstance(v, str) and v.startswith(("train/", "val/")),
    ),
    "on_failure": one_of(("continue", "stop")),
    "dry_run": BOOLEAN,
    "study": _or_null(one_of(study_names())),
    # data
    "batch_size": _or_null(COUNT),
    "eval_batch_size": COUNT,
    "val_size": NUMBER_OR_SHARE,
    "memory_limit": NON_NEGATIVE,
    "num_workers": WHOLE,
    "repeat": COUNT,
    "steps_per_execution": COUNT,
    # the user's own data
    "path": Rule("the file or folder of your data: data.path=PATH", lambda v: isinstance(v, str) and v != ""),
    "target": Rule(
        "the name of the column to predict: data.target=COLUMN",
        lambda v: (isinstance(v, str) and v != "") or _is_number(v),
    ),
    "kind": _or_null(one_of(("regression", "classification"))),
    "separator": _or_null(
        Rule(
            f"one of {', '.join(SEPARATOR_NAMES)}, or a single character",
            lambda v: isinstance(v, str) and (v in SEPARATOR_NAMES or (len(v) == 1 and v.isascii())),
            tuple(SEPARATOR_NAMES),
        )
    ),
    "test_size": NUMBER_OR_SHARE,
    "test_path": _or_null(Rule("a file", lambda v: isinstance(v, str) and v != "")),
    "drop": Rule(
        "a list of column names, such as [id,name]",
        lambda v: _is_list_of(v, lambda name: isinstance(name, str | int | float)),
    ),
    "image_size": Rule(
        "a pair [height, width] of whole numbers of at least 1",
        lambda v: _is_list_of(v, COUNT.holds) and len(v) == 2,
    ),
    "channels": _or_null(Rule("1 (grey) or 3 (colour)", lambda v: _is_int(v) and v in (1, 3))),
    # resampling
    "copies": Rule("a whole number of at least 2", lambda v: _is_int(v) and v >= 2),
    "size": Rule(
        "a whole number of samples of at least 1 or a share between 0 and 1",
        lambda v: COUNT.holds(v) or (isinstance(v, float) and 0 < v < 1),
    ),
    # generated data
    "inputs": Rule(
        "a list of points, each a list of as many numbers, such as [[0, 0], [0, 1]]",
        lambda v: _is_list_of(v, lambda p: _is_list_of(p, _is_number) and len(p) == len(v[0]) > 0) and len(v) > 0,
    ),
    "targets": Rule("a list of numbers, one a point", lambda v: _is_list_of(v, _is_number)),
    "shuffle": BOOLEAN,
    "true_weight": Rule(
        "a list of finite numbers, one a feature",
        lambda v: _is_list_of(v, _is_number) and len(v) > 0,
    ),
    "true_bias": FINITE,
    "noise": NON_NEGATIVE,
    "distribution": one_of(("uniform", "normal")),
    "num_samples": COUNT,
    "num_features": COUNT,
    "degree": COUNT,
    "radius": NON_NEGATIVE,
    "margin": Rule("a number above 0 and at most 0.5", lambda v: _is_number(v) and 0 < v <= 0.5),
    # augmentation
    "degrees": NON_NEGATIVE,
    "translate": FRACTION,
    "scale": Rule(
        "a pair [smallest, largest] of numbers above 0",
        lambda v: _is_list_of(v, POSITIVE.holds) and len(v) == 2 and v[0] <= v[1],
    ),
    "shear": Rule("a number of degrees from 0 to below 90", lambda v: _is_number(v) and 0 <= v < 90),
    "elastic": NON_NEGATIVE,
    "elastic_grid": Rule("a whole number of at least 2", lambda v: _is_int(v) and v >= 2),
    "fill": FINITE,
    # model
    "in_features": COUNT,
    "num_classes": Rule("a whole number of at least 2", lambda v: _is_int(v) and v >= 2),
    "hidden": Rule(
        "a list of layer widths, each a whole number of at least 1",
        lambda v: _is_list_of(v, COUNT.holds),
    ),
    "activation": one_of(get_args(Activation)),
    "output_activation": _or_null(one_of(get_args(OutputActivation))),
    "init": one_of(get_args(Init)),
    "backward": one_of(get_args(Backward)),
    "dropout": FRACTION,
    "input_dropout": FRACTION,
    "num_targets": COUNT,
    "bias": BOOLEAN,
    "batch_norm": BOOLEAN,
    "initial_weight": _or_null(FINITE),
    "start": _or_null(Rule("a pair [x, y] of finite numbers", lambda v: _is_list_of(v, _is_number) and len(v) == 2)),
    # optimizer, scheduler, regularizer
    "lr": POSITIVE,
    "momentum": NON_NEGATIVE,
    "weight_decay": NON_NEGATIVE,
    "l1": NON_NEGATIVE,
    "l2": NON_NEGATIVE,
    "proximal": BOOLEAN,
    # trainer and callbacks
    "max_epochs": COUNT_OR_ENDLESS,
    "max_steps": COUNT_OR_ENDLESS,
    "log_every_n_steps": COUNT,
    "gradient_clip_val": _or_null(POSITIVE),
    "gradient_clip_algorithm": one_of(("norm", "value")),
    "accumulate_grad_batches": Rule(
        "a whole number of at least 1, or such numbers by epoch (from 0 on), such as {0:1,4:2}",
        lambda v: (
            COUNT.holds(v)
            or (
                isinstance(v, Mapping) and len(v) > 0 and all(map(WHOLE.holds, v)) and all(map(COUNT.holds, v.values()))
            )
        ),
    ),
    "patience": _or_null(WHOLE),
    # schedules
    "gamma": POSITIVE,
    "interval": one_of(("step", "epoch")),
    "step_size": COUNT,
}


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """' Did you mean X?' where a valid name is close to `name`, else nothing."""
    close = difflib.get_close_matches(str(name), [str(option) for option in valid], n=1)
    return f" Did you mean {close[0]}?" if close else ""


def check(prefix: str = "", /, **arguments: Any) -> None:
    """Hold each argument against the rule of its name; arguments without a rule pass.

    Args:
        prefix: Goes before the name in the message, such as "optimizer." for a key of the configuration.
        arguments: Values by argument name.

    Raises:
        ValueError: An argument breaks its rule.
    """
    for name, value in arguments.items():
        rule = RULES.get(name)
        if rule is not None and not rule.holds(value):
            raise ValueError(f"{prefix}{name} must be {rule.words}; got {value!r}.{did_you_mean(value, rule.names)}")


def check_two_classes(model: str, in_features: int, num_classes: int, instead: str) -> None:
    """The checks of a model for two classes; `instead` says what to type where there are more."""
    check(in_features=in_features, num_classes=num_classes)
    if num_classes != 2:
        raise ValueError(f"{model} needs data of 2 classes; got {num_classes}. For more there is {instead}.")


def check_proximal(proximal: bool, optimizer: str) -> None:
    """A proximal step goes by a rate times a gradient; an adaptive one would need a threshold for each weight.

    Raises:
        ValueError: It is asked of another optimizer than SGD.
    """
    if proximal and optimizer != "SGD":
        raise ValueError(
            f"regularizer.proximal must go with SGD (optimizer=sgd, momentum or nesterov), whose learning rate is its "
            f"threshold's; got optimizer {optimizer}."
        )
