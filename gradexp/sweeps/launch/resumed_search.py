"""What a search keeps when it is resumed: its space, sampler, seeds and objectives."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from gradexp.rules.words import counted
from gradexp.sweeps.plan.manifest import NAME, Manifest
from gradexp.sweeps.search.records import key_of
from gradexp.sweeps.search.space import from_plain
from gradexp.untrusted import whole_records

FREE = ("trials", "fresh", "race", "pruning", "raced")  # of what the manifest has; each other change is refused
KEYS = {"first_seed": "seed", "objectives": "search.monitors"}  # as they are typed, if not search.NAME


def check_space_is_kept(arguments: Iterable[str], old: Mapping[str, Any], parser: OverridesParser) -> None:
    """Check that no key of the space was typed with one value, before a plan is made of what was typed.

    Args:
        arguments: What was typed, after the command that the search began with.
        old: The search in the manifest.
        parser: Parses the arguments.

    Raises:
        ValueError: A key was, or the manifest is damaged.
    """
    with whole_records(f"sweep.resume must be a search whose {NAME} says how it began"):
        space = {key.lstrip("+"): one for key, one in from_plain(old["space"]).items()}
        _words(old["objectives"])
    last = {one.get_key_element().lstrip("+"): one for one in parser.parse_overrides(list(arguments))}
    _refuse(
        [
            f"{key} was {space[key].words}, is {(one.input_line or '').partition('=')[2]}"
            for key, one in last.items()
            if key in space and not one.is_sweep_override()
        ]
    )


def check_search_is_kept(search: Mapping[str, Any], old: Manifest) -> None:
    """Check the plan of a search that is resumed.

    Args:
        search: How it searches now, as `plan_search` gives it.
        old: The manifest so far.

    Raises:
        ValueError: It searches in another way, or asks for fewer trials, raced trials or fresh seeds than it has.
    """
    before = old.search
    assert before is not None
    was, now = from_plain(before["space"]), from_plain(search["space"])
    changed = [
        f"{key.lstrip('+')} was {was[key].words if key in was else 'not searched'}, "
        f"is {now[key].words if key in now else 'not searched'}"
        for key in {**was, **now}
        if was.get(key) != now.get(key)
    ]
    changed += [
        f"{KEYS.get(key, f'search.{key}')} was {_words(before.get(key))}, is {_words(value)}"
        for key, value in search.items()
        if key not in (*FREE, "space") and value != before.get(key)
    ]
    _refuse(changed)
    for key, (count, what) in _begun(old, search["seeds"]).items():
        if search[key] < count and search[key] != before.get(key):
            raise ValueError(f"search.{key} must be at least {count}, {what}; got {search[key]}.")


def _begun(old: Manifest, seeds: int) -> dict[str, tuple[int, str]]:
    """By the key that asks for it, how much of a search with so many seeds has begun, and what that is."""
    trials = Counter(key_of(job.settings) for job in old.jobs.values() if job.stage == "grid")
    finals = Counter(key_of(job.settings) for job in old.jobs.values() if job.stage == "final")
    race = (old.search or {}).get("race")
    whole = sum(count >= seeds for count in trials.values()) if seeds > 1 else 0
    return {
        "trials": (len(trials), "which the search has begun already"),
        "race": (
            min(whole, race) if isinstance(race, int) else 0,
            f"as {counted(whole, 'trial')} got all seeds already",
        ),
        "fresh": (max(finals.values(), default=0), "the seeds at which the best has begun already"),
    }


def _refuse(changed: list[str]) -> None:
    if changed:
        raise ValueError(
            f"sweep.resume must keep what the search began with; {'; '.join(changed)}. More search.trials extend a "
            "search; any other change needs a new one."
        )


def _words(value: Any) -> str:
    """A value of the manifest as it is typed."""
    if isinstance(value, list):
        return "[" + ",".join(f"{{{one['metric']}:{one['mode']}}}" for one in value) + "]"
    return str(value)
