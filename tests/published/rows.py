"""What is published: by experiment, the metrics of a run, over the seeds 0, 1, ..."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).with_name("record.json")
TEST = "test/accuracy"


@dataclass(frozen=True)
class Row:
    """A command and its published metrics.

    Attributes:
        experiment: The experiment; a YAML file of conf/experiment/ publishes its text.
        overrides: What else is typed.
        metrics: Keys of metrics.json.
        seeds: How many seeds are recorded.
        is_long: Whether a fit takes more than a minute on 2 cores.
    """

    experiment: str
    overrides: tuple[str, ...] = ()
    metrics: tuple[str, ...] = (TEST,)
    seeds: int = 10
    is_long: bool = False

    @property
    def name(self) -> str:
        """As it is typed."""
        return " ".join((self.experiment, *self.overrides))


WITHOUT_AUGMENTATION = ("augmentation=none", "model.dropout=0.3", "model.input_dropout=0.1", "trainer.max_epochs=20")

ROWS = (
    Row("linear_regression", metrics=("learned/w", "learned/b")),
    Row("linear_multivariate", metrics=("learned/w1", "learned/w2", "learned/b")),
    Row("diabetes", metrics=("test/r2",)),
    Row("logistic_regression"),
    Row("softmax_regression"),
    Row("perceptron"),
    Row("perceptron_multi"),
    Row("perceptron_multi", ("data=mnist",)),
    Row("rosenblatt", metrics=("perceptron/corrections",)),
    Row("mnist"),
    Row("mnist_fast"),
    Row("mnist_best", seeds=5, is_long=True),
    Row("mnist_best", WITHOUT_AUGMENTATION, seeds=5, is_long=True),
    Row("mnist_tutorial"),
    Row("mnist_tutorial", ("model.init=kaiming_normal",)),
    Row("mnist_tutorial", ("model.output_activation=null",)),
    Row("mnist_from_scratch"),
    Row("overfitting", ("regularizer.l2=0",), metrics=("val/accuracy",), seeds=5, is_long=True),
    Row("overfitting", ("regularizer.l2=0.00005",), metrics=("val/accuracy",), seeds=5, is_long=True),
    Row("digits"),
)

Record = dict[str, dict[str, list[float]]]  # by the row's name and the metric, the values of the seeds 0, 1, ...


def recorded() -> Record:
    """The recorded values; empty before the first record."""
    record: Record = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    return record


def text(metric: str, values: Sequence[float]) -> str:
    """Mean and standard deviation, as they are published: ``98.40 % ± 0.10``, or with two digits of the deviation."""
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    if metric.endswith("/accuracy"):
        return f"{100 * mean:.2f} % ± {100 * deviation:.2f}"
    digits = max(0, 1 - math.floor(math.log10(deviation))) if deviation else 0
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"
