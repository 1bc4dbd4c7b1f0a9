"""Under-fitting, over-fitting or neither, from the curves and final metrics of a finished run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from gradexp.rules.words import counted

Curve = tuple[Sequence[float], Sequence[float]]  # steps, values

# The loss by epoch does not depend on the log interval; another package's module may have the other only.
TRAIN_TAGS = ("train/loss_epoch", "train/loss")
TAGS = [*TRAIN_TAGS, "val/loss"]
RISE = 0.05  # of the validation loss above its minimum: Prechelt's generalisation loss of 5 %
GAP = {"accuracy": 0.02, "r2": 0.1}  # between the training and the validation score
HIGH_ERROR = 0.25  # training error, as a share of that of a model without inputs, above which a run is under-fitting
FALL = 0.03  # of the training loss in the last tenth of the fit, above which it had not converged
MIN_POINTS = 5  # of a curve, to estimate its scatter
# Validation samples in which over-fitting must show. If it shows in all n of n, a sign test has p = 2^-n, which is
# below that of three standard errors, 0.0013, from ten on.
MIN_SAMPLES = 10


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis, the numbers that it is based on, and what to try ("" if nothing)."""

    kind: Literal["dead class", "under-fitting", "over-fitting", "neither"]
    numbers: str
    advice: str

    def __str__(self) -> str:
        kind = "neither under- nor over-fitting" if self.kind == "neither" else self.kind
        return f"{kind}: {self.numbers}" + (f"; try {self.advice}" if self.advice else "")


def diagnose(metrics: Mapping[str, Any], curves: Mapping[str, Curve], config: Mapping[str, Any]) -> Diagnosis | None:
    """The diagnosis of a finished run; None if it lacks a training or a validation score.

    - Dead class: a classifier predicts a class for none of the training samples, some of which have it. This needs no
      score. (A classifier that misses more than half of the classes has learned too little of any.)
    - Over-fitting: the validation loss ends 5 % above its minimum (the generalisation loss of Prechelt 1998, "Early
      stopping - but when?"), by more than its scatter, while the training loss kept falling, and at least ten samples
      (of a classifier: wrong ones, which carry such a rise) agree; or the training score exceeds the validation score
      by 0.02 of accuracy, or 0.1 of R^2, and by three standard errors. Fewer than ten validation samples tell nothing.
    - Under-fitting: the error on the training samples is above a quarter of that of a model without inputs (R^2 below
      0.75; for C equally frequent classes an error above (1 - 1 / C) / 4); or that error is above a twentieth and the
      training loss fell by more than 3 % in the last tenth of the fit. Noise in the targets cannot be distinguished
      from under-fitting.

    Args:
        metrics: The content of metrics.json.
        curves: Steps and values of TAGS, as logged.
        config: The flat configuration, which decides what advice applies.
    """
    dead = str(metrics.get("never_predicted", "")).split(", ") if "never_predicted" in metrics else []
    if metrics.get("status") == "completed" and 0 < len(dead) <= metrics["classes"] / 2:
        numbers = f"no training sample is predicted as {', '.join(dead)}"
        return Diagnosis("dead class", numbers, _against_dead_classes(config))
    score = next((name for name in GAP if {f"train/{name}", f"val/{name}"} <= metrics.keys()), None)
    if metrics.get("status") != "completed" or not {"train/loss", "val/loss"} <= metrics.keys() or score is None:
        return None
    # Of the weights that are tested; a run of data with its own loaders has only those of the last epoch.
    train, val = (metrics.get(f"best/{stage}/{score}", metrics[f"{stage}/{score}"]) for stage in ("train", "val"))
    digits = ".2%" if score == "accuracy" else ".4g"
    both = f"{score} {train:{digits}} in training and {val:{digits}} in validation"
    samples = metrics.get("samples/val", math.inf)  # unknown in another package's data
    if samples < MIN_SAMPLES:
        both += f", which has {counted(samples, 'sample')}: too few to tell over-fitting"
    rise = _rise(curves)
    if rise and samples * (1 if score == "r2" else 1 - val) >= MIN_SAMPLES:
        return Diagnosis("over-fitting", f"{rise}; {both}", _against_over_fitting(config, has_risen=True))
    if samples >= MIN_SAMPLES and train - val > max(GAP[score], 3 * _standard_error(score, val, samples)):
        return Diagnosis("over-fitting", both, _against_over_fitting(config, has_risen=False))
    error = (1 - train) if score == "r2" else (1 - train) / (1 - 1 / max(metrics.get("classes", 2), 2))
    fall = _fall(curves)
    if error > HIGH_ERROR / 5 and fall > FALL:
        numbers = f"train/loss was still falling, by {fall:.0%} in a tenth of the fit; {both}"
        return Diagnosis("under-fitting", numbers, "more epochs (trainer.max_epochs), or a larger optimizer.lr")
    if error > HIGH_ERROR:
        baseline = "predicting the mean" if score == "r2" else "random guessing"
        numbers = f"the training error is {error:.0%} of that of {baseline}; {both}"
        return Diagnosis("under-fitting", f"{numbers} (or noise, which looks the same)", _against_under_fitting(config))
    return Diagnosis("neither", both, "")


def _train_curve(curves: Mapping[str, Curve]) -> Curve:
    return next((curves[tag] for tag in TRAIN_TAGS if tag in curves), ((), ()))


def _rise(curves: Mapping[str, Curve]) -> str:
    """A sentence on how far the validation loss ends above its minimum; "" if that is not significant."""
    steps, losses = curves.get("val/loss", ((), ()))
    if len(losses) < MIN_POINTS:
        return ""
    minimum, best = min((loss, index) for index, loss in enumerate(losses))
    tail = losses[-max(1, len(losses) // 10) :]
    end = sum(tail) / len(tail)
    # The standard deviation of a point of the second half, from the differences between neighbours.
    changes = [after - before for before, after in pairwise(losses[len(losses) // 2 :])]
    drift = sum(changes) / len(changes)
    scatter = math.sqrt(sum((change - drift) ** 2 for change in changes) / len(changes) / 2)
    train_steps, train_losses = _train_curve(curves)
    until_best = [loss for step, loss in zip(train_steps, train_losses, strict=True) if step <= steps[best]]
    has_fallen = not until_best or train_losses[-1] < until_best[-1]
    if best == len(losses) - 1 or end <= (1 + RISE) * minimum or end - minimum <= 3 * scatter or not has_fallen:
        return ""
    share = end / minimum - 1 if minimum > 0 else math.inf
    return (
        f"val/loss ends {share:.0%} above its minimum of {minimum:.4g} at step {steps[best]:,.0f} of {steps[-1]:,.0f}"
        + (f" while train/loss fell to {train_losses[-1]:.4g}" if until_best else "")
    )


def _fall(curves: Mapping[str, Curve]) -> float:
    """The share by which the training loss falls in a tenth of the fit, at its rate in the last; 0 for one point.

    With fewer than twenty points, the rate is that between the last two.
    """
    _, losses = _train_curve(curves)
    tenth = max(1, len(losses) // 10)
    if len(losses) < 2:
        return 0.0
    before, after = (sum(part) / tenth for part in (losses[-2 * tenth : -tenth], losses[-tenth:]))
    return 1 - max(after / before, 0.0) ** (len(losses) / 10 / tenth) if before > 0 else 0.0


def _standard_error(score: str, value: float, samples: float) -> float:
    """The standard error of a score of so many samples.

    For an accuracy that of Agresti and Coull (1998), with two right and two wrong samples added: the binomial one is 0
    where all samples are right, or all wrong. For R^2 2 R (1 - R^2) / sqrt(n), for large samples (Olkin and Finn 1995),
    whose largest value counts where R^2 is below 1/3, as it falls to 0 there.
    """
    if samples == math.inf:
        return 0.0
    if score == "accuracy":
        share = (value * samples + 2) / (samples + 4)
        return math.sqrt(share * (1 - share) / (samples + 4))
    share = max(value, 1 / 3)
    return 2 * math.sqrt(share / samples) * (1 - share)


def _against_over_fitting(config: Mapping[str, Any], has_risen: bool) -> str:
    advice = []
    if not config.get("regularizer.l2"):
        advice.append("a penalty (regularizer.l2=1e-4)")
    if config.get("model.dropout") == 0:
        advice.append("dropout (model.dropout=0.2)")
    if has_risen and config.get("early_stopping.patience") is None:
        advice.append("an earlier stop (early_stopping.patience=5)")
    return ", ".join([*advice, "more data"])


def _against_dead_classes(config: Mapping[str, Any]) -> str:
    output = config.get("model.output_activation")
    advice = ["no activation of the outputs (model.output_activation=null)"] if output else []
    return ", ".join([*advice, "another seed", "a smaller optimizer.lr", "more epochs"])


def _against_under_fitting(config: Mapping[str, Any]) -> str:
    has_layers = "model.hidden" in config
    advice = ["a larger model (model.hidden)" if has_layers else "a richer model (model=mlp_classifier, mlp_regressor)"]
    if config.get("regularizer.l1") or config.get("regularizer.l2") or config.get("model.dropout"):
        advice.append("less regularization")
    return ", ".join([*advice, "another optimizer.lr", "better features"])
