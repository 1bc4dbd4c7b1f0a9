"""Ranks the entrants of several problems by the verdicts on each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, geometric_mean
from typing import Any

from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.plan.entrants import PROBLEM
from gradexp.sweeps.plan.repeats import without_repeats
from gradexp.sweeps.report.comparison.compare import Comparison, Scored, compare
from gradexp.sweeps.report.comparison.read import latest_stage
from gradexp.sweeps.report.comparison.scores import metric_of
from gradexp.sweeps.report.comparison.settings import RunSetting, settings_of
from gradexp.sweeps.report.results import Job, SweepResults
from gradexp.sweeps.report.scores.costs import Costs, costs
from gradexp.untrusted import whole_records
from gradexp.verdicts.ranks import shared_ranks
from gradexp.verdicts.verdict import Verdict

TUNED, DEFAULT = "tuned", "default"
MOST = 60  # settings of a problem, all pairs of which are compared
APART = (Verdict.BETTER, Verdict.WORSE)

Entrant = tuple[str, str]  # its name, and "tuned", "default" or ""


@dataclass(frozen=True)
class Cell:
    """An entrant on a problem.

    Attributes:
        setting: Its jobs.
        scored: Its scores; None if no job has one.
        ranks: Those of its scores, ascending from 1; empty without scores.
        costs: What its steps take.
    """

    setting: RunSetting
    scored: Scored | None
    ranks: tuple[int, ...]
    costs: Costs


@dataclass(frozen=True)
class Problem:
    """A problem with the entrants that were tried on it.

    Attributes:
        label: Name of the experiment, with the data where several problems have it.
        comparison: The verdicts on all pairs of settings.
        cells: By entrant; a setting that is both the default and the best tuned is in two.
        best: The ranks of the best mean: who shares one is not told from it.
    """

    label: str
    comparison: Comparison
    cells: Mapping[Entrant, Cell]
    best: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """An entrant over all problems.

    Attributes:
        entrant: Its name, and "tuned", "default" or "".
        cells: One for each problem; None where it was not tried.
        first: On how many problems it is not told from the best.
        slower: Seconds of a step over those of the fastest entrant, geometric mean over the problems.
        state: Bytes of the optimizer's state a parameter, mean over the problems.
    """

    entrant: Entrant
    cells: list[Cell | None]
    first: int
    slower: float | None
    state: float | None


@dataclass(frozen=True)
class Board:
    """Entrants over problems, the one that is most often among the first on top."""

    problems: list[Problem]
    rows: list[Row]


def board(parts: Iterable[SweepResults], asked: str = "monitor", mode: str | None = None) -> Board:
    """Rank the entrants of sweeps, problem by problem.

    Args:
        parts: Sweeps and runs; of a benchmark, the final runs count.
        asked: A metric that all settings have; "monitor" for the one that each problem's runs monitor.
        mode: Which way it is better, "max" or "min", if it does not say so itself.

    Raises:
        ValueError: The settings of a problem have no metric in common, or there are too few or too many of them.
    """
    problems = []
    for label, results in by_problem(parts).items():
        rule = f"compare.folders must be multiruns and runs whose records are whole; the problem {label} has others"
        with whole_records(rule):
            try:
                problems.append(_problem(label, results, asked, mode))
            except ValueError as error:
                error.add_note(f"(In the problem {label}.)")
                raise
    entrants = list(dict.fromkeys(entrant for problem in problems for entrant in problem.cells))
    rows = [_row(entrant, problems) for entrant in entrants]
    return Board(problems, sorted(rows, key=_place))


def by_problem(parts: Iterable[SweepResults]) -> dict[str, SweepResults]:
    """The jobs of each problem, by its label: a problem is an experiment on a data set."""
    found: dict[tuple[Any, ...], dict[Any, Job]] = defaultdict(dict)
    first: SweepResults | None = None
    for part in parts:
        first = first or part
        for job in latest_stage(part):
            if job.config:
                found[job.config.get("name"), *job.data_set][job.folder.resolve()] = job
    if first is None or not found:
        raise ValueError("compare.folders must hold jobs that have begun; got none.")
    names = Counter(key[0] for key in found)
    labels: dict[str, SweepResults] = {}
    for key, jobs in found.items():
        own = [str(part).rpartition(".")[2] if place == 0 else str(part) for place, part in enumerate(key[1:]) if part]
        label = str(key[0]) if names[key[0]] == 1 else f"{key[0]} ({' '.join(own)})"
        metrics = [job.metrics for job in jobs.values() if "monitor" in job.metrics]
        ran = Counter((one["monitor"], one.get("monitor_mode")) for one in metrics)
        monitor, mode = ran.most_common(1)[0][0] if ran else (first.monitor, first.monitor_mode)
        labels[label] = replace(
            first, name=label, monitor=monitor, monitor_mode=mode, jobs=list(jobs.values()), command=[]
        )
    return labels


def ranks_of(comparison: Comparison) -> list[tuple[int, ...]]:
    """The ranks of the settings of a comparison, in its order."""
    apart = [(pair.a, pair.b) for pair in comparison.pairs if pair.verdict in APART]
    return shared_ranks(len(comparison.settings), apart)


def _problem(label: str, results: SweepResults, asked: str, mode: str | None) -> Problem:
    settings = settings_of(results.jobs)
    if len(settings) > MOST:
        raise ValueError(
            f"compare.folders must hold at most {MOST} settings of a problem, all of which are compared; got "
            f"{len(settings)}."
        )
    compared = compare(settings, metric_of(results, settings, asked, mode))
    ranks = ranks_of(compared)
    scored = {id(one.setting): (one, ranks[number]) for number, one in enumerate(compared.settings)}
    cells: dict[Entrant, Cell] = {}
    for entrant, setting in _entrants(settings):
        one, own = scored.get(id(setting), (None, ()))
        cells[entrant] = Cell(setting, one, own, costs(setting.jobs.values()))
    return Problem(label, compared, cells, ranks[0])


def _entrants(settings: Sequence[RunSetting]) -> Iterable[tuple[Entrant, RunSetting]]:
    """The entrants with their settings; more settings of an entrant than default and best go by their labels."""
    groups: dict[str, list[RunSetting]] = defaultdict(list)
    for setting in settings:
        groups[_job(setting).entrant].append(setting)
    for name, found in groups.items():
        defaults = [one for one in found if _job(one).is_default]
        others = [one for one in found if not _job(one).is_default]
        if name and len(defaults) <= 1 and len(others) <= 1:
            for role, own in ((TUNED, others or defaults), (DEFAULT, defaults)):
                yield from (((name, role), one) for one in own)
        else:
            yield from (((_label(one), ""), one) for one in found)


def _job(setting: RunSetting) -> Job:
    return next(iter(setting.jobs.values()))


def _label(setting: RunSetting) -> str:
    """What was typed for the setting, the problem apart."""
    job = _job(setting)
    typed = {key: text(value) for key, value in without_repeats(job.settings).items()} or setting.typed
    own = " ".join(f"{key}={value}" for key, value in typed.items() if key not in PROBLEM)
    return own or "the same setting"


def _row(entrant: Entrant, problems: Sequence[Problem]) -> Row:
    cells = [problem.cells.get(entrant) for problem in problems]
    slower, state = [], []
    first = 0
    for problem, cell in zip(problems, cells, strict=True):
        first += cell is not None and not {*problem.best}.isdisjoint(cell.ranks)
        if cell is not None and cell.costs.seconds:
            fastest = min(one.costs.seconds for one in problem.cells.values() if one.costs.seconds)
            slower.append(cell.costs.seconds / fastest)
        if cell is not None and cell.costs.state is not None:
            state.append(cell.costs.state)
    return Row(
        entrant,
        cells,
        first,
        geometric_mean(slower) if slower else None,
        fmean(state) if state else None,
    )


def _place(row: Row) -> tuple[int, float]:
    """Most often among the first, then the best mean rank."""
    ranks = [fmean(cell.ranks) for cell in row.cells if cell is not None and cell.ranks]
    return -row.first, fmean(ranks) if ranks else float("inf")
