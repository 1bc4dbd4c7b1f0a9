"""Norms of gradients, weights and updates by layer, dead and saturated units, while any LightningModule trains."""

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
from gradexp.engine.interval import log_at_step
from gradexp.engine.scalar_tags import of_weights
from gradexp.engine.step_callback import StepCallback
from gradexp.rules import COUNT, QUANTITIES, Quantity

ALL: tuple[Quantity, ...] = get_args(Quantity)
HISTOGRAM_EVERY = 10  # measurements; histograms cost more than numbers
HISTOGRAM_BINS = 64

VANISHING = 1e-4  # a gradient norm below this share of the largest layer's
EXPLODING = 1e3  # a gradient norm above this
DEAD = 0.5  # more than this share of a layer's units
ADVICE = {
    "vanishing": "try ReLU in place of sigmoid, He's or Glorot's initial weights, batch normalisation, less depth",
    "exploding": "try a smaller learning rate, trainer.gradient_clip_val=1, smaller initial weights",
    "dead": "try a smaller learning rate, a leaky ReLU, smaller biases, inputs of mean 0",
}


class Diagnostics(StepCallback):
    """Logs ``weights/QUANTITY/LAYER`` every few steps, and warns once about a layer that stays bad.

    - ``grad_norm``: 2-norm of the gradient of the layer's parameters, before the step.
    - ``bias_grad_norm``: 2-norm of the gradient of the bias alone, the batch's mean error term delta. Unlike the
      gradient of the weights it does not grow with the layer's inputs, so that layers can be compared.
    - ``update_ratio``: 2-norm of the step's change divided by that of the parameters; about 1e-3 is healthy.
    - ``weight_norm``: 2-norm of the parameters, after the step.
    - ``zero_gradients``: share of gradients that are exactly zero.
    - ``dead_units``: share of a ReLU's units whose output is zero for the whole batch.
    - ``saturated_units``: share of a sigmoid's or tanh's outputs with a derivative below 1 % of its maximum.
    - histograms of each parameter and its gradient, at every tenth measurement.

    Other steps cost nothing: forward hooks exist only during a measured step.

    Args:
        every_n_steps: Steps from one measurement to the next.
        quantities: What to log; all by default.
        patience: Bad measurements in a row after which it warns.

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
        self._measurements = 0
        self._next_step = 0
        self._is_measuring = False
        self._handles: list[RemovableHandle] = []
        self._before: dict[str, list[Tensor]] = {}
        self._values: dict[str, Tensor] = {}
        self._bad_in_a_row: dict[tuple[str, str], int] = {}
        self._warned: set[tuple[str, str]] = set()

    def logged(self, module: nn.Module) -> list[Quantity]:
        """The quantities that are logged as scalars while a module trains."""
        kinds = {"dead_units": nn.ReLU, "saturated_units": nn.Sigmoid | nn.Tanh, "histograms": ()}
        layers = list(module.modules())
        return [
            name
            for name in ALL
            if name in self.quantities and any(isinstance(layer, kinds.get(name, nn.Module)) for layer in layers)
        ]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # The next multiple, so that a resumed fit measures the same steps as an uninterrupted one.
        self._next_step = -(-trainer.global_step // self.every_n_steps) * self.every_n_steps
        self._measurements = self._next_step // self.every_n_steps

    def on_step_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if not self._is_measuring:
            if trainer.global_step < self._next_step:
                return
            self._is_measuring = True
            self._next_step = trainer.global_step + self.every_n_steps
        self._remove_hooks()
        self._values = {}
        if "update_ratio" in self.quantities:
            self._before = {name: [p.detach().clone() for p in layer.values()] for name, layer in _layers(pl_module)}
        for name, module in pl_module.named_modules():
            if isinstance(module, nn.ReLU | nn.Sigmoid | nn.Tanh):
                self._handles.append(module.register_forward_hook(partial(self._measure_units, name)))

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if not self._is_measuring:
            return
        self._is_measuring = False
        self._remove_hooks()
        for name, parameters in _layers(pl_module):
            gradients = [parameter.grad for parameter in parameters.values() if parameter.grad is not None]
            if gradients:
                self._values[f"grad_norm/{name}"] = _norm(gradients)
                zeros = torch.stack([(gradient == 0).sum() for gradient in gradients]).sum()
                self._values[f"zero_gradients/{name}"] = zeros / sum(gradient.numel() for gradient in gradients)
            bias = parameters.get("bias")
            if bias is not None and bias.grad is not None:
                self._values[f"bias_grad_norm/{name}"] = _norm([bias.grad])
        writer = writer_of(trainer)
        if "histograms" in self.quantities and writer is not None and self._measurements % HISTOGRAM_EVERY == 0:
            for name, parameter in pl_module.named_parameters():
                _add_histogram(writer, f"weights/{name}", parameter, trainer.global_step)
                if parameter.grad is not None:
                    _add_histogram(writer, f"gradients/{name}", parameter.grad, trainer.global_step)

    def on_step_end(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self._remove_hooks()
        if self._is_measuring or not self._values:
            return  # gradients are still accumulated, or this step is not measured
        for name, parameters in _layers(pl_module):
            self._values[f"weight_norm/{name}"] = _norm(list(parameters.values()))
            if name in self._before:
                pairs = zip(parameters.values(), self._before[name], strict=True)
                change = _norm([after.detach() - before for after, before in pairs])
                self._values[f"update_ratio/{name}"] = change / _norm(self._before[name]).clamp(min=1e-12)
        # One transfer from the device for all values.
        numbers = torch.stack([value.float() for value in self._values.values()]).tolist()
        values = dict(zip(self._values, numbers, strict=True))
        self._measurements += 1
        self._before, self._values = {}, {}
        chosen = {name: v for name, v in values.items() if name.partition("/")[0] in self.quantities}
        log_at_step(trainer, of_weights(chosen))
        self._warn(values)

    def state_dict(self) -> dict[str, Any]:
        return {"bad_in_a_row": dict(self._bad_in_a_row), "warned": list(self._warned)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._bad_in_a_row, self._warned = dict(state_dict["bad_in_a_row"]), set(state_dict["warned"])

    def _measure_units(self, name: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        units = output.detach()
        if isinstance(module, nn.ReLU):
            self._values[f"dead_units/{name}"] = (units <= 0).flatten(1).all(dim=0).float().mean()
        else:
            slope = units * (1 - units) * 4 if isinstance(module, nn.Sigmoid) else 1 - units.square()
            self._values[f"saturated_units/{name}"] = (slope < 0.01).float().mean()

    def _warn(self, values: dict[str, float]) -> None:
        """Warn once about each layer that was bad in the last `patience` measurements."""
        norms = {name.partition("/")[2]: value for name, value in values.items() if name.startswith("grad_norm/")}
        largest = max(norms.values(), default=0.0)
        cases = [("vanishing", name, norm < VANISHING * largest, f"norm {norm:.2g}") for name, norm in norms.items()]
        cases += [("exploding", name, not norm <= EXPLODING, f"norm {norm:.2g}") for name, norm in norms.items()]
        cases += [
            ("dead", name.partition("/")[2], share > DEAD, f"{share:.0%} of the units")
            for name, share in values.items()
            if name.startswith("dead_units/")
        ]
        for kind, name, is_bad, number in cases:
            count = self._bad_in_a_row.get((kind, name), 0) + 1 if is_bad else 0
            self._bad_in_a_row[kind, name] = count
            if count >= self.patience and (kind, name) not in self._warned:
                self._warned.add((kind, name))
                problem = "units are dead" if kind == "dead" else f"gradients are {kind}"
                rank_zero_warn(f"{name}: {problem} ({number}, {self.patience} times in a row); {ADVICE[kind]}")

    def _remove_hooks(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _layers(module: nn.Module) -> Iterable[tuple[str, dict[str, nn.Parameter]]]:
    """The name of each submodule that directly holds trainable parameters, and these parameters by name."""
    for name, layer in module.named_modules():
        parameters = {key: value for key, value in layer.named_parameters(recurse=False) if value.requires_grad}
        if parameters:
            yield name or type(layer).__name__, parameters


def _add_histogram(writer: SummaryWriter, tag: str, values: Tensor, step: int) -> None:
    """Add a histogram with even bins, ten times as fast as TensorBoard's 1,500 uneven ones."""
    finite = values.detach().float().cpu().flatten()  # on a GPU, deterministic mode forbids histc
    finite = finite[finite.isfinite()]
    if not len(finite):
        return
    low, high = finite.aminmax()
    margin = 0.5 if low == high else 0.0  # a single value is in the middle
    edges = torch.linspace(low.item() - margin, high.item() + margin, HISTOGRAM_BINS + 1)
    counts = torch.histc(finite, HISTOGRAM_BINS, edges[0].item(), edges[-1].item())
    total, squares = finite.sum(dtype=torch.float64).item(), finite.square().sum(dtype=torch.float64).item()
    writer.add_histogram_raw(
        tag, low.item(), high.item(), len(finite), total, squares, edges[1:].tolist(), counts.tolist(), step
    )


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """The 2-norm of all entries of the tensors together."""
    norms = torch.stack([torch.linalg.vector_norm(tensor.detach()) for tensor in tensors])
    norm: Tensor = torch.linalg.vector_norm(norms)
    return norm
