"""Learning-rate schedules in the form that Lightning takes, with a linear warm-up before any of them."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from gradexp.building.construct import constructed
from gradexp.building.sections import check_part, check_settings
from gradexp.building.trust import OWN_PACKAGE, trusted_class, trusted_function
from gradexp.objective.warmup import check_goes_with_warmup, rising

Settings = Mapping[str, Any]

# Arguments that lay a schedule out over so many steps.
LENGTHS = ("total_steps", "T_max")
BY_BATCH = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)  # to be stepped after every batch, as torch says


@dataclass(frozen=True)
class Fit:
    """What a schedule may need to know of the fit.

    Attributes:
        total_steps: Gives the steps of the whole fit; infinite where nothing ends it.
        monitor: Metric that a plateau schedule watches.
        mode: "max" where more of that metric is better, else "min"; None where that is unknown.
        trusted_packages: Packages that may be imported beside torch.
    """

    total_steps: Callable[[], float]
    monitor: str
    mode: str | None
    trusted_packages: Sequence[str] = (OWN_PACKAGE,)


def is_laid_out(settings: Settings, trusted_packages: Sequence[str] = (OWN_PACKAGE,)) -> bool:
    """Whether a schedule goes by the length of the fit, because its own settings give none."""
    if settings.get("_target_") is None:
        return False
    if "schedulers" in settings:
        return any(is_laid_out(part, trusted_packages) for part in settings["schedulers"])
    cls = trusted_class(settings["_target_"], "scheduler", trusted_packages)
    return bool(_lengths(cls, settings))


def build_schedules(optimizer: Optimizer, settings: Settings, fit: Fit) -> list[dict[str, Any]]:
    """The schedules of an optimizer as Lightning takes them; none for a constant rate.

    Args:
        optimizer: Whose learning rate is scheduled.
        settings: `_target_`, the dotted path of a class or None; its arguments, where a list `schedulers` holds
            further sections; `interval`, "step" or "epoch", by default the step for schedules that are laid out over
            the fit; `warmup_steps`, over which the rate rises linearly before the schedule begins.
        fit: What it is scheduled for.

    Raises:
        ValueError: There is no such schedule, or it does not take an argument or a value.
    """
    check_settings("scheduler", settings, "scheduler")
    warmup = settings.get("warmup_steps", 0)
    rise = rising(optimizer, warmup) if warmup > 1 else None
    if settings.get("_target_") is None:
        return [] if rise is None else [{"scheduler": rise, "interval": "step"}]
    cls = trusted_class(settings["_target_"], "scheduler", fit.trusted_packages)
    laid_out = is_laid_out(settings, fit.trusted_packages)
    by_step = laid_out or issubclass(cls, BY_BATCH)
    interval = settings.get("interval") or ("step" if by_step else "epoch")
    if laid_out and interval != "step":
        raise ValueError(
            f"scheduler.interval must be step for {cls.__name__}, laid out over the fit; got {interval!r}."
        )
    if issubclass(cls, lr_scheduler.ReduceLROnPlateau):
        if interval != "epoch":
            raise ValueError(
                f"scheduler.interval must be epoch for {cls.__name__}, whose metric is measured once an epoch; got "
                f"{interval!r}."
            )
        if fit.mode is None and "mode" not in settings:
            raise ValueError(f"monitor_mode must be max or min for {cls.__name__}, which watches {fit.monitor!r}.")
    if rise is not None:
        check_goes_with_warmup(cls, interval, warmup)
    span = _span(cls, fit) if laid_out else math.inf
    if span <= warmup:
        raise ValueError(f"scheduler.warmup_steps must be below {span}, the steps of the fit; got {warmup}.")
    schedule = _schedule(optimizer, settings, span - (warmup if rise is not None else 0), fit, cls)
    if rise is not None and interval == "step":
        schedule, rise = lr_scheduler.SequentialLR(optimizer, [rise, schedule], [warmup]), None
    parts = [] if rise is None else [{"scheduler": rise, "interval": "step"}]
    return [*parts, {"scheduler": schedule, "interval": interval, "monitor": fit.monitor}]


def _span(cls: type, fit: Fit) -> float:
    steps = fit.total_steps()
    if math.isinf(steps):
        raise ValueError(
            f"scheduler._target_ must not be {cls.__name__} in a fit without end, over which it cannot be laid out; "
            "set trainer.max_epochs or trainer.max_steps."
        )
    return steps


def _schedule(optimizer: Optimizer, settings: Settings, span: float, fit: Fit, cls: Any) -> Any:
    """One schedule over `span` steps, with those that it is made of."""
    own = ("_target_", "interval", "warmup_steps")
    given = {key: value for key, value in settings.items() if key not in own}
    offered: dict[str, Any] = {"optimizer": optimizer}
    if "schedulers" in given:
        bounds = [0, *given.get("milestones", []), span]
        spans = [end - start for start, end in pairwise(bounds)] if "milestones" in given else []
        offered["schedulers"] = [
            _part(
                optimizer,
                part,
                f"scheduler.schedulers.{number}",
                spans[number] if number < len(spans) else span,
                fit,
            )
            for number, part in enumerate(given.pop("schedulers"))
        ]
    offered |= dict.fromkeys(_lengths(cls, settings), span)
    if issubclass(cls, lr_scheduler.OneCycleLR) and "max_lr" not in given:
        offered["max_lr"] = [group["lr"] for group in optimizer.param_groups]
    if issubclass(cls, lr_scheduler.ReduceLROnPlateau) and "mode" not in given:
        offered["mode"] = fit.mode
    for name, value in given.items():
        if name.endswith(("_lambda", "_fn")) and isinstance(value, str):
            given[name] = trusted_function(value, fit.trusted_packages, f"scheduler.{name}")
    return constructed(cls, "scheduler", given, offered)


def _part(optimizer: Optimizer, settings: Settings, key: str, span: float, fit: Fit) -> Any:
    """One of the schedules that another is made of."""
    check_part(key, settings, "scheduler", fit.trusted_packages)
    cls = trusted_class(settings.get("_target_"), "scheduler", fit.trusted_packages, f"{key}._target_")
    if issubclass(cls, lr_scheduler.ChainedScheduler):
        raise ValueError(f"{key}._target_ must be no ChainedScheduler, which torch steps only by itself; got it.")
    return _schedule(optimizer, settings, span, fit, cls)


def _lengths(cls: type, settings: Settings) -> list[str]:
    """Which arguments that lay a schedule out are left to the fit."""
    if "epochs" in settings and "steps_per_epoch" in settings:  # OneCycleLR's other way to say its length
        return []
    parameters = inspect.signature(cls).parameters
    return [name for name in LENGTHS if name in parameters and settings.get(name) is None]
