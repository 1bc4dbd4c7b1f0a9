"""Under-fitting, over-fitting, or neither: what a finished run's curves and last numbers say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Curve = tuple[Sequence[float], Sequence[float]]  # steps, values

TAGS = ["train/loss", "val/loss"]
RISE = 0.05  # of the validation loss above its minimum: Prechelt's generalisation loss of 5 %
GAP = {"accuracy": 0.02, "r2": 0.1}  # of a score between training and validation
IGNORANCE = 0.25  # share left of the error of knowing nothing, from which on a model has not learnt its own samples
FALL = 0.03  # of the training loss in the last tenth of the fit, from which on it had not come to rest
FEW = 5  # points that a curve's scatter can be told from


@dataclass(frozen=True)
class Diagnosis:
    """What a run suffers from.

    Attributes:
        kind: The verdict.
        numbers: What says so.
        advice: What to try.
    """

    kind: Literal["under-fitting", "over-fitting", "neither"]
    numbers: str
    advice: str

    def __str__(self) -> str:
        kind = "neither under- nor over-fitting" if self.kind == "neither" else self.kind
        return f"{kind}: {self.numbers}" + (f"; try {self.advice}" if self.advice else "")


def diagnose(metrics: Mapping[str, Any], curves: Mapping[str, Curve], config: Mapping[str, Any]) -> Diagnosis | None:
    """The diagnosis of a finished run; None where it has no validation, or none of training, to go by.

    - Over-fitting: the validation loss ends 5 % above its minimum (Prechelt 1998, "Early stopping - but when?", there
      the generalisation loss), and beyond its own scatter, while the training loss went on falling; or the score in
      training is above that in validation by 2 points of accuracy, or 0.1 of R^2, and by three standard errors.
    - Under-fitting: on its own training samples the model is left with a quarter of the error of one that knows
      nothing (R^2 under 0.75; for C equally frequent classes an error of (1 - 1 / C) / 4); or its training loss was
      still falling by 3 % in the last tenth of the fit. Noise in the targets looks like under-fitting: curves cannot
      tell the two apart, and the words say so.

    Args:
        metrics: The content of metrics.json.
        curves: Steps and values of TAGS, as logged.
        config: Flat configuration, by which advice is given that can be followed.
    """
    if metrics.get("status") != "completed" or not {"train/loss", "val/loss"} <= metrics.keys():
        return None
    score = next((name for name in GAP if {f"train/{name}", f"val/{name}"} <= metrics.keys()), None)
    if score is None:
        return None
    train, val = metrics[f"train/{score}"], metrics[f"val/{score}"]
    both = f"{score} {_told(score, train)} in training and {_told(score, val)} in validation"
    rise = _rise(curves, metrics["train/loss"])
    if rise:
        return Diagnosis("over-fitting", f"{rise}; {both}", _against_over_fitting(config, has_risen=True))
    if train - val > max(GAP[score], 3 * _standard_error(score, val, metrics.get("samples/val", 0))):
        return Diagnosis("over-fitting", both, _against_over_fitting(config, has_risen=False))
    left = (1 - train) if score == "r2" else (1 - train) / (1 - 1 / max(metrics.get("classes", 2), 2))
    fall = _fall(curves)
    if left > IGNORANCE / 5 and fall > FALL:
        numbers = f"train/loss was still falling, by {fall:.0%} in the last tenth of the fit; {both}"
        return Diagnosis("under-fitting", numbers, "more epochs (trainer.max_epochs), or a larger optimizer.lr")
    if left > IGNORANCE:
        numbers = f"{left:.0%} of the error of knowing nothing is left on the training samples; {both}"
        return Diagnosis("under-fitting", f"{numbers} (or noise, which looks alike)", _against_under_fitting(config))
    return Diagnosis("neither", both, "")


def _rise(curves: Mapping[str, Curve], last_train: float) -> str:
    """How far the validation loss is above its minimum at the end, in words; nothing where that means nothing."""
    steps, losses = curves.get("val/loss", ((), ()))
    if len(losses) < FEW:
        return ""
    at = min(range(len(losses)), key=losses.__getitem__)
    tail = losses[-max(1, len(losses) // 10) :]
    end = sum(tail) / len(tail)
    steady = [b - a for a, b in zip(losses[len(losses) // 2 :], losses[len(losses) // 2 + 1 :], strict=False)]
    drift = sum(steady) / len(steady)
    scatter = math.sqrt(sum((step - drift) ** 2 for step in steady) / len(steady) / 2)
    train_steps, train_losses = curves.get("train/loss", ((), ()))
    then = [loss for step, loss in zip(train_steps, train_losses, strict=True) if step <= steps[at]]
    has_fallen = last_train < then[-1] if then else True
    if at == len(losses) - 1 or end <= (1 + RISE) * losses[at] or end - losses[at] <= 3 * scatter or not has_fallen:
        return ""
    share = end / losses[at] - 1 if losses[at] > 0 else math.inf
    return (
        f"val/loss ends {share:.0%} above its minimum of {losses[at]:.4g} at step {steps[at]:,.0f} of {steps[-1]:,.0f} "
        f"while train/loss fell to {last_train:.4g}"
    )


def _fall(curves: Mapping[str, Curve]) -> float:
    """The share of the training loss that the last tenth of its curve lost; of short curves nothing can be told."""
    _, losses = curves.get("train/loss", ((), ()))
    tenth = len(losses) // 10
    if tenth == 0:
        return 0.0
    before, after = (sum(part) / tenth for part in (losses[-2 * tenth : -tenth], losses[-tenth:]))
    return 1 - after / before if before > 0 else 0.0


def _standard_error(score: str, value: float, samples: int) -> float:
    """Of an accuracy, the binomial one; of R^2 that of large samples, 2 R (1 - R^2) / sqrt(n) (Olkin and Finn 1995)."""
    if not samples:
        return 0.0
    squared = value * (1 - value) if score == "accuracy" else 4 * max(value, 0.0) * (1 - value) ** 2
    return math.sqrt(squared / samples)


def _told(score: str, value: float) -> str:
    return f"{value:.2%}" if score == "accuracy" else f"{value:.4g}"


def _against_over_fitting(config: Mapping[str, Any], has_risen: bool) -> str:
    tried = []
    if not config.get("regularizer.l2"):
        tried.append("a penalty (regularizer.l2=1e-4)")
    if config.get("model.dropout") == 0:
        tried.append("dropout (model.dropout=0.2)")
    if has_risen and config.get("early_stopping.patience") is None:
        tried.append("an earlier stop (early_stopping.patience=5)")
    return ", ".join([*tried, "more data"])


def _against_under_fitting(config: Mapping[str, Any]) -> str:
    has_layers = "model.hidden" in config
    tried = ["a larger model (model.hidden)" if has_layers else "a richer model (model=mlp_classifier, mlp_regressor)"]
    if config.get("regularizer.l1") or config.get("regularizer.l2") or config.get("model.dropout"):
        tried.append("less regularization")
    return ", ".join([*tried, "another optimizer.lr", "better features"])
