"""The captions of a sweep's figures, which tell only of what is there."""

from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.importance import INTERACTIONS, NOISE, REST
from gradexp.sweeps.report.learning_curves import LOSS
from gradexp.sweeps.report.ranking import Setting


def learning_rate(findings: Findings) -> str:
    """Of the scores over learning rates."""
    lines = findings.rates.values()
    has_band = any(line.band.edges for line in lines)
    words = [f"The best setting at each rate{_mean(findings, has_band)}."]
    if any(line.diverged for line in lines):
        words.append("A cross at the edge marks a rate at which a job diverged.")
    return " ".join([*words, *_left_outside(findings, [mean for line in lines for mean in line.means])])


def penalties(findings: Findings) -> str:
    """Of the map of L1 and L2."""
    grid = findings.penalties
    has_band = grid is not None and bool(grid.band.edges)
    blank = grid is not None and any(score is None for row in grid.scores for score in row)
    over = f"; the mean over its {findings.unit}s, with its range" if has_band else ""
    return f"The best setting at each pair{over}." + " A blank pair has no job with a score." * blank


def coordinates(findings: Findings) -> str:
    """Of the parallel coordinates."""
    return "One line per job, through its settings to its score on the right; green is good."


def curves(findings: Findings) -> str:
    """Of the learning curves."""
    found = findings.curves
    names = "The best setting and the median one" if "median" in found.settings else "The best setting"
    monitor = findings.results.monitor
    dotted = "; dotted: the training loss, on the right" if LOSS in found.by_tag and monitor != LOSS else ""
    words = [f"{names}{dotted}."]
    if found.several:
        half = f"The mean over the {findings.unit}s, as long as half of them train"
        words.append(f"{half}{', with a band to choose' * _has_bands(findings)}.")
    if any(name not in ("best", "median") for name in found.settings):
        words.append("A click in the legend shows further settings, numbered as in the table of the best.")
    return " ".join(words)


def time(findings: Findings) -> str:
    """Of the scores over seconds."""
    times = findings.times
    several = times is not None and times.several
    points = f"One point per setting, means over its {findings.unit}s" if several else "One point per job"
    shown = [] if times is None else [point.score for point in times.settings] if several else times.scores
    words = [f"{points}. None is both faster and better than one on the line."]
    return " ".join([*words, *_left_outside(findings, shown)])


def importance(findings: Findings) -> str:
    """Of the shares of the variance."""
    shares = findings.importance
    parts = ["what each axis explains by itself (eta squared; what several axes explain alike is divided among them)"]
    if INTERACTIONS in shares:
        parts.append("what axes explain only in combination (interactions)")
    if NOISE in shares:
        parts.append(f"what differs between the {findings.unit}s of one setting (noise)")
    if REST in shares:
        parts.append("what no axis explains")
    words = [f"Shares of the score's variance over the completed jobs, 100 % in all: {', and '.join(parts)}."]
    if INTERACTIONS in shares and NOISE not in shares:
        words.append(f"With one {findings.unit} the interactions contain the noise.")
    if findings.statuses["diverged"]:
        words.append("Diverged jobs have no score here.")
    return " ".join(words)


def _mean(findings: Findings, has_band: bool) -> str:
    return f"; the mean over its {findings.unit}s, with a band to choose" if has_band else ""


def _has_bands(findings: Findings) -> bool:
    return any(curve.band.edges for by_name in findings.curves.by_tag.values() for curve in by_name.values())


def _left_outside(findings: Findings, scores: list[float]) -> list[str]:
    low, high = findings.limits
    count = sum(not low <= score <= high for score in scores)
    return [
        f"{count} far worse {'score is' if count == 1 else 'scores are'} left outside: a double click shows all."
    ] * bool(count)


def repeats(settings: list[Setting]) -> dict[str, bool]:
    """Which columns of the table of the best settings have something to tell."""
    return {
        "spread": any(setting.spread is not None for setting in settings),
        "repeats": any(len(setting.scores) > 1 for setting in settings),
        "diverged": any(setting.diverged for setting in settings),
    }
