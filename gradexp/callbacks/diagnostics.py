"""How the gradient fares on its way through the layers, while any LightningModule trains."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from torch.utils.tensorboard import SummaryWriter

from gradexp.arguments import checked
from gradexp.callbacks.publication import writer_of
from gradexp.engine.step_callback import StepCallback
from gradexp.rules import COUNT, QUANTITIES, Quantity

ALL: tuple[Quantity, ...] = get_args(Quantity)
HISTOGRAMS = 10  # looks between two histograms, which cost more than numbers
BINS = 64  # of a histogram

# Bad is: a norm that far below the largest layer's, one that large, that share of units.
VANISHING, EXPLODING, DEAD = 1e-4, 1e3, 0.5
ADVICE = {
    "vanishing": "try ReLU in place of sigmoid, He's or Glorot's initial weights, batch normalisation, less depth",
    "exploding": "try a smaller learning rate, trainer.gradient_clip_val=1, smaller initial weights",
    "dead": "try a smaller learning rate, a leaky ReLU, smaller biases, inputs of mean 0",
}


class Diagnostics(StepCallback):
    """Every few steps logs, by layer and in one go, what the options name; warns once where it stays bad.

    - ``grad_norm/LAYER``: 2-norm of the gradient of the layer's parameters, before the step.
    - ``bias_grad_norm/LAYER``: the same of its bias alone, which is the batch's mean error term delta: unlike that of
      the weights it does not grow with the layer's inputs, so that layers can be compared.
    - ``update_ratio/LAYER``: 2-norm of what the step changed over that of the parameters; about 1e-3 is healthy.
    - ``weight_norm/LAYER``: 2-norm of the parameters, after the step.
    - ``zero_gradients/LAYER``: share of gradients that are exactly zero.
    - ``dead_units/LAYER``: share of a ReLU's units that are zero for the whole batch.
    - ``saturated_units/LAYER``: share of a sigmoid's or tanh's outputs whose derivative is under 1 % of its peak.
    - histograms of each parameter and of its gradient, every tenth time.

    Steps between cost nothing: hooks are there only while it looks.

    Args:
        every_n_steps: Steps from one look to the next.
        quantities: What to log; all by default.
        patience: Looks in a row that must be bad before it warns.

    Raises:
        ValueError: An argument breaks its rule.
    """

    @checked
    def __init__(
        self,
        every_n_steps: Annotated[int, COUNT] = 100,
        quantities: Annotated[Sequence[Quantity], QUANTITIES] = ALL,
        patience: Annotated[int, COUNT] = 3,
    ) -> None:
        self.every_n_steps = every_n_steps
        self.quantities = frozenset(quantities)
        self.patience = patience
        self._looks = 0
        self._next = 0
        self._is_looking = False
        self._handles: list[RemovableHandle] = []
        self._before: dict[str, list[Tensor]] = {}
        self._seen: dict[str, Tensor] = {}
        self._bad: dict[tuple[str, str], int] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._next = trainer.global_step

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if not self._is_looking:
            if trainer.global_step < self._next:
                return
            self._is_looking = True
            self._next = trainer.global_step + self.every_n_steps
        self._forget_hooks()
        self._seen = {}
        if "update_ratio" in self.quantities:
            self._before = {name: [p.detach().clone() for p in own.values()] for name, own in _layers(pl_module)}
        for name, part in pl_module.named_modules():
            if isinstance(part, nn.ReLU | nn.Sigmoid | nn.Tanh):
                self._handles.append(part.register_forward_hook(partial(self._look_at_units, name)))

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if not self._is_looking:
            return
        self._is_looking = False
        self._forget_hooks()
        for name, own in _layers(pl_module):
            gradients = [parameter.grad for parameter in own.values() if parameter.grad is not None]
            if gradients:
                self._seen[f"grad_norm/{name}"] = _norm(gradients)
                zeros = torch.stack([(gradient == 0).sum() for gradient in gradients]).sum()
                self._seen[f"zero_gradients/{name}"] = zeros / sum(gradient.numel() for gradient in gradients)
            bias = own.get("bias")
            if bias is not None and bias.grad is not None:
                self._seen[f"bias_grad_norm/{name}"] = _norm([bias.grad])
        writer = writer_of(trainer)
        if "histograms" in self.quantities and writer is not None and self._looks % HISTOGRAMS == 0:
            for name, parameter in pl_module.named_parameters():
                _add_histogram(writer, f"weights/{name}", parameter, trainer.global_step)
                if parameter.grad is not None:
                    _add_histogram(writer, f"gradients/{name}", parameter.grad, trainer.global_step)

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._forget_hooks()
        if self._is_looking or not self._seen:
            return  # no step has been taken yet, as where gradients are accumulated; or none was due
        for name, own in _layers(pl_module):
            after = _norm(list(own.values()))
            self._seen[f"weight_norm/{name}"] = after
            if name in self._before:
                change = _norm([now.detach() - was for now, was in zip(own.values(), self._before[name], strict=True)])
                self._seen[f"update_ratio/{name}"] = change / _norm(self._before[name]).clamp(min=1e-12)
        # One transfer from the device for all numbers.
        numbers = torch.stack([value.float() for value in self._seen.values()]).tolist()
        values = dict(zip(self._seen, numbers, strict=True))
        self._looks += 1
        self._before, self._seen = {}, {}
        logged = {name: value for name, value in values.items() if name.partition("/")[0] in self.quantities}
        for logger in trainer.loggers:
            logger.log_metrics(logged, step=trainer.global_step)
        self._judge(values)

    def _look_at_units(self, name: str, part: nn.Module, inputs: Any, output: Tensor) -> None:
        found = output.detach()
        if isinstance(part, nn.ReLU):
            self._seen[f"dead_units/{name}"] = (found <= 0).flatten(1).all(dim=0).float().mean()
        else:
            slope = found * (1 - found) * 4 if isinstance(part, nn.Sigmoid) else 1 - found.square()
            self._seen[f"saturated_units/{name}"] = (slope < 0.01).float().mean()

    def _judge(self, values: dict[str, float]) -> None:
        """Count how long each layer has been in a bad way, and say so once."""
        norms = {name.partition("/")[2]: value for name, value in values.items() if name.startswith("grad_norm/")}
        largest = max(norms.values(), default=0.0)
        signs = [("vanishing", name, norm < VANISHING * largest, f"norm {norm:.2g}") for name, norm in norms.items()]
        signs += [("exploding", name, not norm <= EXPLODING, f"norm {norm:.2g}") for name, norm in norms.items()]
        signs += [
            ("dead", name.partition("/")[2], share > DEAD, f"{share:.0%} of the units")
            for name, share in values.items()
            if name.startswith("dead_units/")
        ]
        for kind, name, is_bad, told in signs:
            count = self._bad.get((kind, name), 0) + 1 if is_bad else min(self._bad.get((kind, name), 0), 0)
            self._bad[kind, name] = count
            if count == self.patience:
                self._bad[kind, name] = -(10**9)  # said once
                what = "units are dead" if kind == "dead" else f"gradients are {kind}"
                rank_zero_warn(f"{name}: {what} ({told}, {self.patience} looks in a row); {ADVICE[kind]}")

    def _forget_hooks(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _layers(module: nn.Module) -> Iterable[tuple[str, dict[str, nn.Parameter]]]:
    """Each part that has parameters of its own, with those that are trained, by name."""
    for name, part in module.named_modules():
        own = {key: value for key, value in part.named_parameters(recurse=False) if value.requires_grad}
        if own:
            yield name or type(part).__name__, own


def _add_histogram(writer: SummaryWriter, tag: str, values: Tensor, step: int) -> None:
    """Even bins between the extremes: TensorBoard's own 1,500 uneven ones take ten times as long."""
    found = values.detach().float().cpu().flatten()  # on a GPU histc is refused where results must be reproducible
    found = found[found.isfinite()]
    if not len(found):
        return
    low, high = found.aminmax()
    room = 0.5 if low == high else 0.0  # one value is in the middle of its bin
    edges = torch.linspace(low.item() - room, high.item() + room, BINS + 1)
    counts = torch.histc(found, BINS, edges[0].item(), edges[-1].item())
    total, squares = found.sum(dtype=torch.float64).item(), found.square().sum(dtype=torch.float64).item()
    writer.add_histogram_raw(
        tag, low.item(), high.item(), len(found), total, squares, edges[1:].tolist(), counts.tolist(), step
    )


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(tensor.detach()) for tensor in tensors])
    )
    return norm
