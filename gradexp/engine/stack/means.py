"""Loss and metrics of several members, as means over samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StackedMetric:
    """A metric of several members, as a function of sums over samples.

    Attributes:
        sums: From outputs and targets [members, samples, ...] to sums over the samples, [members, sums] in float64.
        value: From the sums of all samples [members, sums] to the metric [members].
    """

    sums: Callable[[Tensor, Tensor], Tensor]
    value: Callable[[Tensor], Tensor]


class StackedMeans:
    """Accumulates loss, penalty and metrics of each member over samples.

    Args:
        metrics: By name.
    """

    def __init__(self, metrics: Mapping[str, StackedMetric]) -> None:
        self._metrics = metrics
        self._pending: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
        self._sums: dict[str, Tensor] = {}

    def update(self, outputs: Tensor, targets: Tensor, loss: Tensor, penalty: Tensor | None = None) -> None:
        """Add a batch: outputs and targets [members, batch, ...], the members' mean losses and penalties [members]."""
        self._pending.append(
            (outputs.detach(), targets, loss.detach(), penalty if penalty is None else penalty.detach())
        )

    def add(self, others: "StackedMeans") -> None:
        """Add the samples of others."""
        others._add_up()
        self._add_up()
        for name, value in others._sums.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def compute(self) -> dict[str, Tensor]:
        """The values of each member [members], by name; "penalty" only if batches had one."""
        self._add_up()
        samples = self._sums["samples"]
        values = {name: self._sums[name] / samples for name in ("loss", "penalty") if name in self._sums}
        return values | {name: metric.value(self._sums[f"metrics/{name}"]) for name, metric in self._metrics.items()}

    def reset(self) -> None:
        """Forget all samples."""
        self._pending.clear()
        self._sums.clear()

    def _add_up(self) -> None:
        if not self._pending:
            return
        outputs, targets, losses, penalties = zip(*self._pending, strict=True)
        self._pending.clear()
        sizes = [batch.shape[1] for batch in targets]
        sums = {"samples": torch.tensor(float(sum(sizes)), dtype=torch.float64), "loss": _weighted(losses, sizes)}
        if penalties[0] is not None:
            sums["penalty"] = _weighted(penalties, sizes)
        for name, metric in self._metrics.items():
            sums[f"metrics/{name}"] = metric.sums(torch.cat(outputs, dim=1), torch.cat(targets, dim=1))
        for name, value in sums.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value


def _weighted(values: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """The sum over batches of size times value [members]: one by one, so that the number of members changes no bit."""
    total = torch.zeros_like(values[0], dtype=torch.float64)
    for value, size in zip(values, sizes, strict=True):
        total = total + size * value.double()
    return total
