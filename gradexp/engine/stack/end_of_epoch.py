"""What the end of an epoch means for one member of a stack: its best weights, its schedules, whether it ends."""

import math
from collections.abc import Mapping

from gradexp.engine.checkpoints import Best
from gradexp.engine.lightning_internals import stops_early
from gradexp.engine.stack.member import Member
from gradexp.objective.monitor import sign


def step_schedules(member: Member, interval: str, ended: int) -> None:
    """Step the due schedules that watch no metric.

    Args:
        member: The member.
        interval: What has ended, "step" or "epoch".
        ended: Batches of this epoch so far, or epochs.
    """
    for config in member.schedules:
        if config.interval == interval and not config.reduce_on_plateau and not ended % config.frequency:
            config.scheduler.step()


def measured(member: Member, values: Mapping[str, float], validated: bool) -> bool:
    """Take note of an epoch's metrics; returns whether its weights are the best so far.

    Args:
        member: Its `epochs` and `steps` include this epoch.
        values: Training metrics of the epoch, and validation metrics, those of an earlier epoch unless `validated`.
        validated: Whether there was a validation in this epoch.
    """
    member.metrics = values = dict(sorted(values.items()))  # as Checkpoints has them
    stage, score = member.monitor.partition("/")[0], values.get(member.monitor)
    if (stage == "val" and not validated) or score is None or math.isnan(score):
        return False
    of_stage = {name: value for name, value in values.items() if name.startswith("val")} if stage == "val" else {}
    found = Best(member.epochs, member.steps, score, values.get(f"{stage}/loss", 0.0), of_stage)
    if member.best is not None and found.rank(member.mode) < member.best.rank(member.mode):
        return False
    member.best = found
    return True


def has_ended(member: Member, validated: bool) -> bool:
    """Step the schedules that watch a metric, note a reached target; returns whether the member's fit has ended."""
    values = member.metrics
    for config in member.schedules:
        is_due = config.reduce_on_plateau and not member.epochs % config.frequency
        if is_due and config.monitor in values and (validated or not config.monitor.startswith("val/")):
            config.scheduler.step(values[config.monitor])
    score, upwards = values.get(member.monitor), sign(member.mode)
    if score is None:
        return member.epochs >= member.max_epochs
    reached = member.target is not None and upwards * score >= upwards * member.target
    if reached and member.epochs_to_target is None:
        member.epochs_to_target, member.seconds_to_target = member.epochs, member.seconds
    is_new = validated or not member.monitor.startswith("val/")
    stopping = member.early_stopping
    stops = stopping is not None and is_new and stops_early(stopping, score, member.epochs - 1)
    return stops or member.epochs >= member.max_epochs
