"""The best setting in words, with what its mean rests on and what is not told from it."""

from collections.abc import Sequence

from gradexp.rules.words import abbreviated, counted
from gradexp.sweeps.report.comparison.pair import JUDGED
from gradexp.sweeps.report.comparison.read import latest_stage
from gradexp.sweeps.report.comparison.settings import settings_of
from gradexp.sweeps.report.findings import Findings
from gradexp.sweeps.report.ranking import Setting

SHOWN = 4  # settings in a line


def best_lines(findings: Findings) -> list[str]:
    """The best setting by its mean, and the settings with fewer seeds; empty where no setting has several seeds.

    Of a search with other objectives than the monitor also what the table goes by; and no best by the monitor, if that
    is none of them.
    """
    best = findings.best
    objectives = [one.metric for one in findings.search.objectives] if findings.search is not None else []
    found = []
    if best is not None and objectives and objectives != [findings.results.monitor]:
        order = (
            f"the search went by {objectives[0]}" if len(objectives) == 1 else "the trials on the front have no order"
        )
        found.append(f"the table ranks by {findings.results.score_name} alone; {order}")
    if best is None or not best.several or (objectives and findings.results.monitor not in objectives):
        return found
    said = f"best by the mean: {best.setting.label} ({score(best.setting)})"
    if len(best.setting.scores) < JUDGED and len(findings.ranking) > 1:
        said += f"; no other is told from it with fewer than three {findings.unit}s"
    elif len(findings.ranking) > 1:
        if best.beside:
            said += beside([setting.label for setting in best.beside])
        elif best.is_judged:
            others = f"all others with three {findings.unit}s or more" if best.few else "all others"
            said += f"; {others} are worse by more than the noise of {findings.unit}s"
        if best.few:
            said += f"; too few {findings.unit}s to say: {abbreviated([setting.label for setting in best.few], SHOWN)}"
    found.append(said)
    few = [f"{setting.label} ({len(setting.scores)})" for setting in findings.few]
    if few:
        most = max(len(setting.scores) for setting in findings.ranking)
        found.append(f"fewer than {most} {findings.unit}s with a score: {abbreviated(few, SHOWN)}")
    return found


def lost_lines(findings: Findings) -> list[str]:
    """The settings all of whose jobs diverged or failed, where no comparison names them."""
    if findings.comparison is not None:
        return []
    settings = settings_of(latest_stage(findings.results.comparable))
    lost = [f"{one.label} ({one.lost})" for one in settings if one.lost and not one.count("completed")]
    line = f"settings whose jobs all diverged or failed: {abbreviated(lost, SHOWN)}"
    return [line] if lost and len(settings) > 1 else []


def no_score(findings: Findings) -> str:
    """Why there is no best setting: no job completed, or their task, such as an export, measures no score."""
    count = findings.statuses["completed"]
    if not count:
        return "no job has completed"
    return f"{counted(count, 'job')} completed, none with {findings.results.score_name} to be ranked by"


def score(setting: Setting) -> str:
    """A mean, with its standard deviation over the seeds and their number where there are several."""
    if setting.spread is None:
        return f"{setting.mean:.4g}"
    return f"{setting.mean:.4g} ± {setting.spread:.2g} over {len(setting.scores)} {setting.unit}s"


def beside(labels: Sequence[str]) -> str:
    """What is not told from the best; "" for nothing."""
    return f"; not told from it: {abbreviated(labels, SHOWN)}" if labels else ""
