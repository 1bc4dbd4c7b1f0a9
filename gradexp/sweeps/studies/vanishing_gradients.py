"""Gradients that shrink, or do not, on their way back through the layers."""

from gradexp import figures
from gradexp.sweeps.curves import curves
from gradexp.sweeps.results import Job, SweepResults
from gradexp.sweeps.studies.study import Study

QUANTITY = "bias_grad_norm"  # the mean error term delta of each layer, as Nielsen 2015 shows it


def vanishing_gradients(results: SweepResults) -> Study:
    """The norms at the first step by layer and depth, a family for each activation and initialization.

    How fast they fall is told of the deepest network: the factor a layer, as a geometric mean.
    """
    families: dict[str, figures.Family] = {}
    for job, score in sorted(results.scored(), key=lambda pair: len(pair[0].config["model.hidden"])):
        norms = _norms(job)
        if norms:
            name = f"{job.config['model.activation']}, {job.config['model.init']}"
            family = families.setdefault(name, figures.Family(name, {}, {}))
            depth = len(norms)
            families[name] = figures.Family(name, {**family.norms, depth: norms}, {**family.scores, depth: score})
    if not families:
        return Study(lines=[f"no job has logged {QUANTITY}, which +callbacks=diagnostics does"])
    lines = [_told(family, results.monitor) for family in families.values()]
    return Study(
        {"vanishing_gradients": figures.gradient_norms_by_depth(list(families.values()), results.monitor)}, lines
    )


def _norms(job: Job) -> list[float]:
    """Of the hidden layers at the first step, the first layer first."""
    tags = [f"{QUANTITY}/network.linear_{number + 1}" for number in range(len(job.config["model.hidden"]))]
    logged = curves(job.folder, tags)
    return [logged[tag][1][0] for tag in tags if tag in logged]


def _told(family: figures.Family, score: str) -> str:
    depth = max(family.norms)
    norms = family.norms[depth]
    listed = "  ".join(
        f"{depth}: {' '.join(f'{norm:.4g}' for norm in norms)}" for depth, norms in family.norms.items() if depth <= 4
    )
    if depth == 1 or not all(norm > 0 for norm in norms):
        pace = "no pace can be told"
    else:
        factor = (norms[-1] / norms[0]) ** (1 / (depth - 1))
        pace = f"{'falls' if factor > 1 else 'grows'} by a factor {max(factor, 1 / factor):.3g} a layer"
    scores = ", ".join(f"{depth}: {value:.4g}" for depth, value in family.scores.items())
    return f"{family.name}: {pace} going back through {depth}; {score} by depth {scores}; norms by depth {listed}"
