"""Kinds of classes that a `_target_` may name: their bases, trusted modules, and gradexp's own keys beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradexp.rules import COUNT, FRACTION, NON_NEGATIVE, POSITIVE, SHARE, WHOLE, Rule, list_of, one_of, or_null

BETAS = list_of(FRACTION, "a list of 2 numbers from 0 to below 1, such as [0.9,0.999]", length=2)
NO_DECAY = list_of(one_of("bias", "norm"), "a list of bias and norm, the parameters without weight decay")

# The threshold is the rate times a factor; an adaptive optimizer would need one threshold per weight.
PROXIMAL_NEEDS_SGD = (
    "regularizer.proximal must go with SGD (optimizer=sgd, momentum or nesterov), whose learning rate is its "
    "threshold's; got optimizer {}."
)


@dataclass(frozen=True)
class Kind:
    """A kind of class.

    Attributes:
        noun: For messages, as in "must name an optimizer".
        bases: Dotted paths; the class must be a sub-class of one of them.
        trusted: Modules that may be imported for this kind, whatever the user's trusted_packages.
        own_keys: Keys of the section that gradexp reads; they take precedence over an argument of that name.
        offered: Arguments that only gradexp sets, if the class takes them.
        offered_to: A class of gradexp, and further such arguments for its sub-classes.
        filled: Arguments that gradexp sets if the user does not.
        rules: Rules for arguments of the trusted modules' classes, whose annotations state only a type: by name, or by
            class and name, which comes first.
    """

    noun: str
    bases: tuple[str, ...]
    trusted: tuple[str, ...] = ()
    own_keys: Mapping[str, Rule] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    offered_to: tuple[str, tuple[str, ...]] | None = None
    filled: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)


LIGHTNING = ("lightning.pytorch", "pytorch_lightning")
OBJECTIVE_OPTIONS = (
    "loss", "optimizer", "scheduler", "l1", "l2", "proximal", "penalties", "metrics", "monitor", "monitor_mode",
    "trusted_packages",
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    "data": Kind(
        "a data module, a sub-class of gradexp.data.AbstractDataModule",
        ("gradexp.data.AbstractDataModule",),
        offered=("data_dir", "seed", "augmentation"),
    ),
    "model": Kind(
        "a LightningModule",
        tuple(f"{package}.LightningModule" for package in LIGHTNING),
        offered=("in_features", "num_classes"),
        offered_to=("gradexp.models.AbstractModule", OBJECTIVE_OPTIONS),
    ),
    "loss": Kind(
        "a loss, a torch.nn.Module",
        ("torch.nn.Module",),
        ("gradexp.objective", "torch.nn"),
        offered_to=("gradexp.objective.losses.ClassWeightedLoss", ("num_classes", "from_logits")),
    ),
    "optimizer": Kind(
        "an optimizer",
        ("torch.optim.Optimizer",),
        ("torch.optim",),
        {"no_decay": or_null(NO_DECAY)},
        ("params",),
        rules={
            "lr": POSITIVE,
            "momentum": FRACTION,
            "weight_decay": NON_NEGATIVE,
            "betas": BETAS,
            "alpha": NON_NEGATIVE,  # of ASGD, a power
            "RMSprop.alpha": FRACTION,
            "rho": SHARE,
            "max_iter": COUNT,
            "max_eval": or_null(COUNT),
            "history_size": COUNT,
            "line_search_fn": or_null(one_of("strong_wolfe")),
        },
    ),
    "scheduler": Kind(
        "a learning-rate schedule",
        ("torch.optim.lr_scheduler.LRScheduler",),
        ("torch.optim.lr_scheduler",),
        {"interval": one_of("step", "epoch"), "warmup_steps": WHOLE},
        ("optimizer", "last_epoch"),
        filled=("T_max", "total_steps", "max_lr", "mode"),
        rules={
            "gamma": POSITIVE,
            "factor": POSITIVE,
            "step_size": COUNT,
            "patience": WHOLE,
            "pct_start": SHARE,
            "div_factor": POSITIVE,
            "final_div_factor": POSITIVE,
            "T_0": COUNT,
            "T_mult": COUNT,
        },
    ),
    "metrics": Kind(
        "a metric of torchmetrics",
        ("torchmetrics.Metric",),
        ("torchmetrics",),
        filled=("task", "num_classes", "num_labels", "num_outputs"),
    ),
    "callbacks": Kind(
        "a callback of Lightning's",
        tuple(f"{package}.Callback" for package in LIGHTNING),
        ("gradexp.callbacks", "lightning.pytorch.callbacks"),
    ),
    "logger": Kind(
        "a logger of Lightning's",
        tuple(f"{package}.loggers.Logger" for package in LIGHTNING),
        ("lightning.pytorch.loggers",),
        filled=("save_dir", "name"),
    ),
    "regularizer": Kind("a penalty, a function of a weight", (), ("gradexp.objective",)),
    "init": Kind("a function of a weight", (), ("torch.nn.init",)),
    "activation": Kind("an activation, a torch.nn.Module", ("torch.nn.Module",), ("torch.nn",)),
}

# Sections of one class, and sections of several classes under names that the user chooses.
CLASS_GROUPS = ("data", "model", "loss", "optimizer", "scheduler")
NAMED_CLASSES = ("metrics", "callbacks", "logger")
