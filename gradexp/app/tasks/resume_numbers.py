"""Which numbers of an optimizer and of a schedule may change when a fit resumes: those read anew in every step."""

from collections.abc import Mapping
from typing import Any

from gradexp.building.trust import trusted_class
from gradexp.objective.optimizers import class_name
from gradexp.objective.resumed_states import SCHEDULE_NUMBERS, main_state, scales_rate

Config = Mapping[str, Any]

# Optimizers keep these in their parameter groups and read them there in each step.
OPTIMIZER_NUMBERS = (
    "lr", "weight_decay", "momentum", "dampening", "nesterov", "betas", "eps", "alpha", "rho", "lr_decay",
    "momentum_decay", "beta2_decay", "etas", "step_sizes", "max_iter", "max_eval", "tolerance_grad",
    "tolerance_change",
)  # fmt: skip
# Except these, which torch reads as it starts, or a step too late.
READ_EARLIER = {("Rprop", "lr"), ("ASGD", "lr"), ("ASGD", "alpha")}
CYCLES_MOMENTUM = ("OneCycleLR", "CyclicLR")


def optimizer_reason(name: str, old: Any, new: Any, config: Config, checkpoint: Config) -> str:
    """Why a number of the optimizer must stay as it was; "" if it takes effect from the next step on.

    Args:
        name: Its name, such as "lr".
        old: The saved value.
        new: The present one.
        config: The configuration that would run.
        checkpoint: The checkpoint.
    """
    optimizer, schedule = class_name(config["optimizer"]), config["scheduler"]
    groups = [group for state in checkpoint["optimizer_states"] for group in state["param_groups"]]
    if name not in OPTIMIZER_NUMBERS or (optimizer, name) in READ_EARLIER or any(name not in one for one in groups):
        return f"because {optimizer} does not read it anew in each step"
    if (optimizer, name) == ("RMSprop", "momentum") and not old:
        return "because RMSprop keeps no momentum until it has some"
    cycled = schedule.get("cycle_momentum", True) and class_name(schedule) in CYCLES_MOMENTUM
    if name in ("momentum", "betas") and cycled:
        return f"because {class_name(schedule)} sets it"
    if name == "lr" and not scales_rate(schedule, config["trusted_packages"]):
        return f"because {class_name(schedule)} has laid out the learning rates"
    if name == "lr" and not (old > 0 and new > 0) and _has_schedule(schedule):
        return "because a schedule scales it"
    return ""


def scheduler_reason(name: str, config: Config, checkpoint: Config) -> str:
    """Why a number of the schedule must stay as it was; "" if it takes effect from the next step on."""
    schedule = config["scheduler"]
    known: tuple[str, ...] = ()
    if schedule.get("_target_") is not None:
        known = SCHEDULE_NUMBERS.get(trusted_class(schedule["_target_"], "scheduler", config["trusted_packages"]), ())
    if name not in known or name not in main_state(checkpoint["lr_schedulers"]):
        return f"because {class_name(schedule) or 'the warm-up'} began with it"
    return ""


def _has_schedule(schedule: Config) -> bool:
    return schedule.get("_target_") is not None or schedule.get("warmup_steps", 0) > 1
