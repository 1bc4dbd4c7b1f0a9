"""A resumed sweep: the same base, possibly with more values on its axes."""

from dataclasses import replace

from gradexp.configuration.values import same
from gradexp.files import finite
from gradexp.sweeps.plan.manifest import Manifest, differences
from gradexp.sweeps.plan.plan import Plan


def extended(old: Manifest | None, plan: Plan, command: list[str]) -> Manifest:
    """The manifest of a plan, including the jobs of the sweep that it resumes.

    Args:
        old: Manifest of the sweep so far; None for a new sweep.
        plan: The jobs asked for now.
        command: The command line that asks for them.

    Raises:
        ValueError: A value that all jobs share has changed.
    """
    varying = plan.varying | set(old.varying if old else ())
    on_failure = plan.settings["on_failure"]
    manifest = Manifest(
        plan.name, plan.monitor, on_failure, command, plan.common, sorted(varying), monitor_mode=plan.monitor_mode
    )
    manifest.for_each = (plan.settings["final"] or {}).get("for_each")
    if old is None:
        manifest.add(plan.jobs)
        return manifest
    changed = differences(old.base, plan.common, varying)
    if changed:
        extends = (
            "New values of an axis, typed with all else that the sweep's command has, extend a sweep"
            if old.search is None
            else "More search.trials extend a search"
        )
        raise ValueError(
            f"sweep.resume must keep the settings that the sweep began with; {'; '.join(changed)}. {extends}; any "
            "other change needs a new sweep."
        )
    manifest.base = {key: value for key, value in old.base.items() if same(finite(plan.common.get(key)), value)}
    axes = {axis for job in plan.jobs.values() for axis in job.settings}
    for key, job in old.jobs.items():
        # A new axis gets the value that all earlier jobs shared.
        known = {axis: old.base[axis] for axis in sorted(axes) if axis in old.base}
        planned = plan.jobs.get(key)
        if planned is None:
            manifest.jobs[key] = replace(job, settings=known | job.settings)
        else:
            now = {name: getattr(planned, name) for name in ("settings", "overrides", "is_default")}
            manifest.jobs[key] = replace(job, **now)
    manifest.add(plan.jobs)
    return manifest
