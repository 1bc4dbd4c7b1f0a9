"""How the score of each optimizer depends on its learning rate."""

from collections import defaultdict
from dataclasses import dataclass

from gradexp.sweeps.plan.entrants import entrant
from gradexp.sweeps.report.bands import Band, band
from gradexp.sweeps.report.best import best_of
from gradexp.sweeps.report.ranking import TWO, Setting, best_by, in_order
from gradexp.sweeps.report.results import Job, SweepResults


@dataclass(frozen=True)
class Sensitivity:
    """How the score of one optimizer depends on its learning rate; rates ascend.

    Attributes:
        rates: Those with a score.
        band: Mean score over the seeds, of the best setting at each rate, with its bands [rates].
        diverged: Rates at which a seed diverged.
        best: The setting with the best mean, and its rate; None without scores.
        beside: Rates that are not told from the best by their seeds, best first; empty without verdicts.
    """

    rates: list[float]
    band: Band
    diverged: list[float]
    best: tuple[Setting, float] | None
    beside: list[float]

    @property
    def means(self) -> list[float]:
        """Mean scores [rates]."""
        return [mean for mean in self.band.mean if mean is not None]


def learning_rates(results: SweepResults) -> dict[str, Sensitivity]:
    """By optimizer; empty where every optimizer has one learning rate only."""
    by_optimizer: dict[str, dict[float, Setting]] = defaultdict(dict)
    settings = best_by(results, lambda job: (_optimizer(job), job.config.get("optimizer.lr")))
    for (optimizer, rate), setting in settings.items():
        if rate is not None:  # else the class's own default, which is in no configuration
            by_optimizer[optimizer][float(rate)] = setting
    if all(len(by_rate) < TWO for by_rate in by_optimizer.values()):
        return {}
    return {name: _sensitivity(results, dict(sorted(by_rate.items()))) for name, by_rate in by_optimizer.items()}


def _sensitivity(results: SweepResults, by_rate: dict[float, Setting]) -> Sensitivity:
    scored = {rate: setting for rate, setting in by_rate.items() if setting.scores}
    rate_of = {id(setting): rate for rate, setting in scored.items()}
    best = best_of(results, in_order(results, scored.values()))
    return Sensitivity(
        list(scored),
        band([one.scores for one in scored.values()], max((one.shared for one in scored.values()), default=0.0)),
        [rate for rate, setting in by_rate.items() if setting.diverged],
        (best.setting, rate_of[id(best.setting)]) if best else None,
        [rate_of[id(setting)] for setting in best.beside] if best and best.is_judged else [],
    )


def _optimizer(job: Job) -> str:
    """The option or mapping that was typed, which distinguishes momentum from plain SGD, else the class."""
    if job.settings.get("optimizer"):
        return entrant(job.settings, "optimizer")
    return str(job.config["optimizer._target_"]).rpartition(".")[2]
