"""Learning-rate schedules in Lightning's form, optionally with a linear warm-up before or beside them."""

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

Settings = Mapping[str, Any]

LENGTHS = ("total_steps", "T_max")  # arguments for the number of steps that a schedule spans
BY_BATCH = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)  # stepped after every batch, as torch documents
# These schedules multiply the current rate, so a warm-up by steps can run beside them.
RELATIVE = (
    lr_scheduler.ConstantLR,
    lr_scheduler.ExponentialLR,
    lr_scheduler.LinearLR,
    lr_scheduler.MultiStepLR,
    lr_scheduler.MultiplicativeLR,
    lr_scheduler.PolynomialLR,
    lr_scheduler.ReduceLROnPlateau,
    lr_scheduler.StepLR,
)


@dataclass(frozen=True)
class Fit:
    """Properties of the fit that a schedule may need.

    Attributes:
        total_steps: Returns the steps of the whole fit; infinite for a fit without an end.
        monitor: Metric that a plateau schedule watches.
        mode: "max" where a higher metric is better, else "min"; None where it is unknown.
        trusted_packages: Packages that may be imported besides torch.
    """

    total_steps: Callable[[], float]
    monitor: str
    mode: str | None
    trusted_packages: Sequence[str] = (OWN_PACKAGE,)


def is_laid_out(settings: Settings, trusted_packages: Sequence[str] = (OWN_PACKAGE,)) -> bool:
    """Whether a schedule spans the whole fit, because its settings give no length."""
    if settings.get("_target_") is None:
        return False
    if "schedulers" in settings:
        return any(is_laid_out(part, trusted_packages) for part in settings["schedulers"])
    cls = trusted_class(settings["_target_"], "scheduler", trusted_packages)
    return bool(_lengths(cls, settings))


def build_schedules(optimizer: Optimizer, settings: Settings, fit: Fit) -> list[dict[str, Any]]:
    """The schedules of an optimizer in Lightning's form; an empty list for a constant rate.

    Args:
        optimizer: The optimizer whose learning rate is scheduled.
        settings: `_target_`, the dotted path of a class, or None; its arguments, of which a list `schedulers` has
            further sections; `interval`, "step" or "epoch", by default "step" for schedules that span the fit;
            `warmup_steps`, over which the rate rises linearly before the schedule begins.
        fit: Properties of the fit.

    Raises:
        ValueError: There is no such schedule, or it does not take an argument or a value.
    """
    check_settings(settings, "scheduler")
    warmup = settings.get("warmup_steps", 0)
    warmup_schedules = []
    if warmup > 1:  # 1/n, 2/n, ..., n/n of the rate in the first n steps (Goyal et al. 2017)
        warmup_schedules = [lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)]
    warmup_configs = [{"scheduler": schedule, "interval": "step"} for schedule in warmup_schedules]
    if settings.get("_target_") is None:
        return warmup_configs
    cls = trusted_class(settings["_target_"], "scheduler", fit.trusted_packages)
    spans_fit = is_laid_out(settings, fit.trusted_packages)
    interval = settings.get("interval") or ("step" if spans_fit or issubclass(cls, BY_BATCH) else "epoch")
    if spans_fit and interval != "step":
        raise ValueError(f"scheduler.interval must be step for {cls.__name__}, which spans the fit; got {interval!r}.")
    if issubclass(cls, lr_scheduler.ReduceLROnPlateau):
        if interval != "epoch":
            raise ValueError(
                f"scheduler.interval must be epoch for {cls.__name__}, whose metric is measured once per epoch; got "
                f"{interval!r}."
            )
        if fit.mode is None and "mode" not in settings:
            raise ValueError(f"monitor_mode must be max or min for {cls.__name__}, which watches {fit.monitor!r}.")
    if warmup_schedules:
        _check_goes_with_warmup(cls, interval, warmup)
    span = fit.total_steps() if spans_fit else math.inf
    if spans_fit and math.isinf(span):
        raise ValueError(
            f"scheduler._target_ must not be {cls.__name__} in a fit without end, which it cannot span; "
            "set trainer.max_epochs or trainer.max_steps."
        )
    if span <= warmup:
        raise ValueError(f"scheduler.warmup_steps must be below {span}, the steps of the fit; got {warmup}.")
    schedule = _schedule(optimizer, settings, span - (warmup if warmup_schedules else 0), fit, cls)
    if warmup_schedules and interval == "step":
        schedule, warmup_configs = lr_scheduler.SequentialLR(optimizer, [*warmup_schedules, schedule], [warmup]), []
    return [*warmup_configs, {"scheduler": schedule, "interval": interval, "monitor": fit.monitor}]


def _check_goes_with_warmup(cls: type, interval: str, warmup: int) -> None:
    """Check that the rates are those of a warm-up followed by the schedule, or beside it if that steps by epoch.

    Raises:
        ValueError: The schedule cannot be combined with a warm-up.
    """
    if issubclass(cls, lr_scheduler.OneCycleLR):
        raise ValueError(f"scheduler.warmup_steps must be 0 for OneCycleLR, which has its own; got {warmup}.")
    if issubclass(cls, lr_scheduler.SequentialLR | lr_scheduler.ChainedScheduler):
        raise ValueError(
            f"scheduler.warmup_steps must be 0 for {cls.__name__}; got {warmup}. Put a LinearLR into its list instead."
        )
    if interval == "epoch" and not issubclass(cls, RELATIVE):
        raise ValueError(
            f"scheduler.interval must be step for {cls.__name__} with scheduler.warmup_steps, because it overwrites "
            f"the rate; got {interval!r}."
        )


def _schedule(optimizer: Optimizer, settings: Settings, span: float, fit: Fit, cls: Any) -> Any:
    """One schedule over `span` steps, with its parts if its arguments have a list of schedules."""
    given = {key: value for key, value in settings.items() if key not in ("_target_", "interval", "warmup_steps")}
    offered: dict[str, Any] = {"optimizer": optimizer}
    if "schedulers" in given:
        parts = given.pop("schedulers")
        spans = [end - start for start, end in pairwise([0, *given.get("milestones", []), span])]
        spans += [span] * (len(parts) - len(spans))  # parts of a schedule without milestones run side by side
        offered["schedulers"] = [
            _part(optimizer, part, f"scheduler.schedulers.{number}", spans[number], fit)
            for number, part in enumerate(parts)
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
    """One schedule in another schedule's list."""
    check_part(key, settings, "scheduler", fit.trusted_packages)
    cls = trusted_class(settings.get("_target_"), "scheduler", fit.trusted_packages, f"{key}._target_")
    if issubclass(cls, lr_scheduler.ChainedScheduler):
        raise ValueError(
            f"{key}._target_ must not be ChainedScheduler, which torch steps on its own; got {settings['_target_']}."
        )
    return _schedule(optimizer, settings, span, fit, cls)


def _lengths(cls: type, settings: Settings) -> list[str]:
    """The schedule's length arguments that the settings leave out, so that the fit sets them."""
    if "epochs" in settings and "steps_per_epoch" in settings:  # OneCycleLR's other length arguments
        return []
    parameters = inspect.signature(cls).parameters
    return [name for name in LENGTHS if name in parameters and settings.get(name) is None]
