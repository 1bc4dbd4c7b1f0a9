"""A search: rounds of trials, first seeds and races, until the best trials have all seeds; then fresh seeds."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.plugins.launcher import Launcher

from gradexp.rules.words import counted
from gradexp.sweeps import job_folder
from gradexp.sweeps.launch.command import value_of
from gradexp.sweeps.launch.output import console
from gradexp.sweeps.launch.planned_sweeper import Work
from gradexp.sweeps.launch.resumed_search import check_search_is_kept, check_space_is_kept
from gradexp.sweeps.launch.run_jobs import run_jobs
from gradexp.sweeps.launch.search_plan import fixed_lines, plan_search
from gradexp.sweeps.plan.axes import text, typed
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob
from gradexp.sweeps.plan.plan import Plan, add_jobs
from gradexp.sweeps.plan.resume import extended
from gradexp.sweeps.search.objectives import Objective
from gradexp.sweeps.search.pruning import thresholds
from gradexp.sweeps.search.records import THRESHOLDS, first_folders, key_of, trials_of, validations
from gradexp.sweeps.search.space import Params, Space, from_plain, size
from gradexp.sweeps.search.trials import Trial, to_race, winners

if TYPE_CHECKING:
    from gradexp.sweeps.search.journal import Journal
    from gradexp.sweeps.search.proposer import Proposer

FRESH = 100  # the first fresh seed is this much above the search's first one, as in conf/sweep/benchmark.yaml
Launch = Callable[[Sequence[PlannedJob]], None]


class Search(Work):
    """Trials proposed by Optuna."""

    def plan(self, arguments: list[str], old: Manifest | None, command: list[str]) -> tuple[Plan, Manifest]:
        if old is not None:
            assert old.search is not None
            check_space_is_kept(arguments, old.search, self.compose.parser)
        plan, search = plan_search(arguments, self.compose)
        self._fixed = fixed_lines(arguments, self.compose)
        manifest = extended(old, plan, command)
        if old is not None:
            assert old.search is not None
            check_search_is_kept(search, old)
            search["space"] = old.search["space"]  # in its order, whatever the order that is typed now
            raced = old.search.get("raced")
            search["raced"] = raced if isinstance(raced, int) else 0
        manifest.search = search
        self._search, self._plan = search, plan
        self._space: Space = from_plain(search["space"])
        self._objectives = [Objective(**one) for one in search["objectives"]]
        self._signs = [one.sign for one in self._objectives]
        self._seeds = list(range(search["first_seed"], search["first_seed"] + search["seeds"]))
        self._value = functools.cache(functools.partial(value_of, self.compose.parser))
        return plan, manifest

    @property
    def _trials(self) -> int:
        return int(min(self._search["trials"], size(self._space)))

    def run(self, launcher: Launcher, folder: Path, plan: Plan, manifest: Manifest) -> None:
        from gradexp.sweeps.search.journal import Journal
        from gradexp.sweeps.search.proposer import Proposer, rounds

        def launch(jobs: Sequence[PlannedJob]) -> None:
            run_jobs(launcher, folder, jobs, manifest.on_failure)

        search = self._search
        directions = [one.direction for one in self._objectives]
        journal = Journal(folder, manifest.name, directions, self._space)
        proposer = Proposer(self._space, search["sampler"], search["seed"], directions, search["batch"])
        if self._trials < search["trials"]:
            self._say(f"search.trials={search['trials']}: the space has only {counted(self._trials, 'setting')}")
        launch([job for job in manifest.jobs.values() if job.stage == "grid"])  # of a search that is resumed
        for number, numbers in enumerate(rounds(search["sampler"], self._trials, search["batch"])):
            self._round(number, numbers, journal, proposer, manifest, folder, launch)
            if job_folder.is_stopped(folder) or not any(trial.state.name != "FAIL" for trial in journal.trials):
                return  # a command that fails with all settings of the first round fails with all others
        while self._race(manifest, folder, launch):
            if job_folder.is_stopped(folder):
                return
        self._run_fresh(manifest, folder, launch)

    def _round(
        self,
        number: int,
        numbers: range,
        journal: "Journal",
        proposer: "Proposer",
        manifest: Manifest,
        folder: Path,
        launch: Launch,
    ) -> None:
        """Propose the trials of a round, run their first seeds, race the best few so far, and record the results."""
        recorded = journal.trials
        for trial in numbers:
            known = dict(recorded[trial].params) if trial < len(recorded) else None
            params = proposer.propose(known)
            if known is None:
                journal.add(params, self._space)
        open_trials = [trial for trial in journal.trials[: numbers.stop] if not trial.state.is_finished()]
        if open_trials:
            given = self._thresholds(folder, manifest, numbers.start)
            firsts = [(self._settings(one.params), self._seeds[0]) for one in open_trials]
            launch(self._add(manifest, folder, firsts, given))
            if job_folder.is_stopped(folder):
                return
            if self._search["raced"] <= number:
                self._search["raced"] = number + 1  # written with the jobs: a search that was killed decides once
                self._race(manifest, folder, launch)
                if job_folder.is_stopped(folder):
                    return
            found = {key_of(trial.params): trial for trial in self._found(folder, manifest)}
            for one in open_trials:
                journal.tell(one.number, found[key_of(self._settings(one.params))])
            self._say_best(numbers.stop, list(found.values()))
        for told in journal.trials[numbers.start : numbers.stop]:
            proposer.tell(told)

    def _race(self, manifest: Manifest, folder: Path, launch: Launch) -> bool:
        """Run the best few trials at the seeds that they lack; returns whether they lacked any."""
        best = to_race(self._found(folder, manifest), self._signs, self._seeds, self._search["race"])
        launch(self._add(manifest, folder, [(trial.params, seed) for trial in best for seed in self._seeds]))
        return bool(best)

    def _settings(self, params: Params) -> dict[str, Any]:
        """The values of a trial as plain data, by key without plus signs."""
        return {
            key.lstrip("+"): self._value(value) if self._space[key].low is None else value
            for key, value in params.items()
        }

    def _add(
        self,
        manifest: Manifest,
        folder: Path,
        wanted: Iterable[tuple[Mapping[str, Any], int]],
        thresholds: Sequence[float] | None = None,
    ) -> list[PlannedJob]:
        """Plan jobs, settings and seeds, that the manifest does not have, and write it; returns the new jobs."""
        known = {(key_of(job.settings), job.settings["seed"]) for job in manifest.jobs.values() if job.stage == "grid"}
        missing = [(settings, seed) for settings, seed in wanted if (key_of(settings), seed) not in known]
        before = set(manifest.jobs)
        manifest.add(self._planned(missing, "grid", thresholds).jobs)
        manifest.write(folder)
        return [job for key, job in manifest.jobs.items() if key not in before]

    def _planned(
        self,
        wanted: Iterable[tuple[Mapping[str, Any], int]],
        stage: str,
        thresholds: Sequence[float] | None = None,
    ) -> Plan:
        """Jobs of a stage, composed and checked."""
        plan = replace(self._plan, jobs={}, common={}, varying=set())
        lines = [
            (self._line(settings, seed, stage, thresholds), {**settings, "seed": seed}) for settings, seed in wanted
        ]
        add_jobs(plan, lines, stage, self.compose)
        return plan

    def _line(
        self, settings: Mapping[str, Any], seed: int, stage: str, thresholds: Sequence[float] | None
    ) -> list[str]:
        return [
            *self._fixed,
            *(f"{key}={text(settings[key.lstrip('+')])}" for key in self._space),
            f"seed={seed}",
            *([f"{THRESHOLDS}={text(list(thresholds))}"] if thresholds else []),
            f"test={text(stage == 'final')}",  # the search never sees the test part
        ]

    def _run_fresh(self, manifest: Manifest, folder: Path, launch: Launch) -> None:
        """Run the best trials at fresh seeds: the score that a trial was chosen by is better than it is."""
        first = self._search["first_seed"] + FRESH
        best = winners(self._found(folder, manifest), self._signs, self._seeds)
        seeds = range(first, first + self._search["fresh"])
        manifest.add_finals(self._planned([(one.params, seed) for one in best for seed in seeds], "final").jobs)
        manifest.write(folder)
        launch([job for job in manifest.jobs.values() if job.stage == "final"])

    def _found(self, folder: Path, manifest: Manifest) -> list[Trial]:
        return trials_of(folder, manifest.jobs.values(), self._objectives)

    def _thresholds(self, folder: Path, manifest: Manifest, trials: int) -> list[float] | None:
        """What cuts the first seeds of a round short, by those of the earlier rounds."""
        if not self._search["pruning"]:
            return None
        earlier = [trial for trial in self._found(folder, manifest)[:trials] if not trial.pruned]
        folders = first_folders(folder, manifest.jobs.values(), earlier, self._seeds[0])
        return thresholds(list(validations(folders, self._objectives[0].metric)), self._signs[0])

    def problem(self, folder: Path, manifest: Manifest) -> str:
        found = self._found(folder, manifest)
        if not found or job_folder.is_stopped(folder) or any(trial.has(self._seeds) for trial in found):
            return ""
        seeds = f" at all {len(self._seeds)} seeds" if len(self._seeds) > 1 else ""
        return f"no trial has a score{seeds}, so none is the best; see the report"

    def _say_best(self, number: int, found: Sequence[Trial]) -> None:
        best = winners(found, self._signs, self._seeds)
        said = f"search: {number} of {counted(self._trials, 'trial')}"
        if best:
            values = ", ".join(
                f"{one.metric} {value:.4g}" for one, value in zip(self._objectives, best[0].values or (), strict=True)
            )
            is_front = len(self._objectives) > 1
            said += f", {len(best)} on the front, such as" if is_front else ", best so far"
            seeds = f" over {len(self._seeds)} seeds" if len(self._seeds) > 1 else ""
            said += f" {values}{seeds} ({typed(best[0].params)})"
        self._say(said)

    def _say(self, line: str) -> None:
        console().print(line, markup=False, highlight=False, soft_wrap=True)

    def print_plan(self, folder: Path, plan: Plan, manifest: Manifest) -> None:
        search = self._search
        seeds = f"{len(self._seeds)} seeds" if len(self._seeds) > 1 else "one seed"
        trials = f"{counted(self._trials, 'trial')} by {search['sampler']}"
        self._say(f"search: {trials}, {seeds} of the best {search['race']}")
        for key, one in self._space.items():
            self._say(f"{key.lstrip('+')}: {one.words}")
