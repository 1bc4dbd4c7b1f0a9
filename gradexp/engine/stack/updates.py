"""torch's elementwise optimizers for stacked parameters, with numbers of its own for every member.

Each rule is that of the torch.optim class of its name (torch/optim, `_single_tensor_*`). As in torch, what is computed
from the numbers alone is computed in double precision.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from gradexp.engine.stack.parameters import StackedParameters

Numbers = Mapping[str, Tensor]
State = dict[str, Tensor]
# Changes values and state in place: values, gradient, numbers [members, 1] in float64, state, the step from 1.
Rule = Callable[[Tensor, Tensor, Numbers, State, int], None]


def _sgd(values: Tensor, gradient: Tensor, numbers: Numbers, state: State, step: int) -> None:
    if "momentum_buffer" in state:
        # Without momentum torch keeps no buffer, and there is nothing to dampen.
        share = torch.where(numbers["momentum"] == 0, 1.0, 1 - numbers["dampening"])
        state["momentum_buffer"].mul_(numbers["momentum"].to(values)).add_(gradient * share.to(values))
    elif numbers["momentum"].any():
        state["momentum_buffer"] = gradient.clone()
    if "momentum_buffer" in state:
        buffer = state["momentum_buffer"]
        nesterov = numbers["nesterov"] > 0
        if nesterov.any():
            gradient = torch.where(nesterov, gradient + numbers["momentum"].to(values) * buffer, buffer)
        else:
            gradient = buffer
    values.addcmul_(gradient, numbers["lr"].to(values), value=-1)


def _adam(values: Tensor, gradient: Tensor, numbers: Numbers, state: State, step: int) -> None:
    first, second = numbers["beta1"], numbers["beta2"]
    if not state:
        state |= {"exp_avg": torch.zeros_like(values), "exp_avg_sq": torch.zeros_like(values)}
    state["exp_avg"].lerp_(gradient, (1 - first).to(values))
    state["exp_avg_sq"].mul_(second.to(values)).addcmul_(gradient * (1 - second).to(values), gradient)
    rate, scale = numbers["lr"] / (1 - first**step), (1 - second**step).sqrt()
    denominator = (state["exp_avg_sq"].sqrt() / scale.to(values)).add_(numbers["eps"].to(values))
    values.addcdiv_(state["exp_avg"] * rate.to(values), denominator, value=-1)


def _rmsprop(values: Tensor, gradient: Tensor, numbers: Numbers, state: State, step: int) -> None:
    alpha, momentum = numbers["alpha"], numbers["momentum"]
    if not state:
        state |= {"square_avg": torch.zeros_like(values)}
    state["square_avg"].mul_(alpha.to(values)).addcmul_(gradient * (1 - alpha).to(values), gradient)
    direction = gradient / state["square_avg"].sqrt().add_(numbers["eps"].to(values))
    if momentum.any() and "momentum_buffer" not in state:
        state["momentum_buffer"] = torch.zeros_like(values)
    if "momentum_buffer" in state:
        direction = state["momentum_buffer"].mul_(momentum.to(values)).add_(direction)
    values.addcmul_(direction, numbers["lr"].to(values), value=-1)


def _adagrad(values: Tensor, gradient: Tensor, numbers: Numbers, state: State, step: int) -> None:
    if not state:
        state |= {"sum": numbers["initial_accumulator_value"].to(values).expand_as(values).clone()}
    state["sum"].addcmul_(gradient, gradient)
    rate = numbers["lr"] / (1 + (step - 1) * numbers["lr_decay"])
    values.addcdiv_(gradient * rate.to(values), state["sum"].sqrt().add_(numbers["eps"].to(values)), value=-1)


RULES: Mapping[type[Optimizer], Rule] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}
UNSUPPORTED = ("amsgrad", "centered", "maximize")  # options that a rule lacks


class RowUpdates:
    """One elementwise optimizer of all members: a few operations on whole matrices.

    Best for small networks, whose updates cost less than the calls. The numbers are read from the members' own
    optimizers, to which schedules are attached as usual.

    Args:
        parameters: What is trained.
        optimizers: Each member's, over the parameters of its network, all of one class in RULES.
        decayed: Columns of the parameters with weight decay, a mask [numbers]; None for all.
    """

    def __init__(
        self, parameters: StackedParameters, optimizers: Sequence[Optimizer], decayed: Tensor | None = None
    ) -> None:
        self._parameters = parameters
        self._optimizers = list(optimizers)
        self._decayed = decayed
        self._rule = RULES[type(optimizers[0])]
        self._decouples = bool(optimizers[0].defaults.get("decoupled_weight_decay"))
        self._numbers: dict[str, Tensor] = {}
        self.state: State = {}
        self.steps = 0
        self.read_numbers()

    @staticmethod
    def supports(optimizer: Optimizer) -> bool:
        """Whether there is a rule for the optimizer."""
        return type(optimizer) in RULES and not any(optimizer.defaults.get(option) for option in UNSUPPORTED)

    def read_numbers(self) -> None:
        """Read the numbers of the members' optimizers, which schedules may have changed."""
        groups = [_numbers(optimizer) for optimizer in self._optimizers]
        device = self._parameters.values.device
        self._numbers = {
            name: torch.tensor([[group[name]] for group in groups], dtype=torch.float64, device=device)
            for name in groups[0]
        }
        self._decays = any(group.get("weight_decay") for group in groups)

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Update all members by a gradient [members, numbers]."""
        self.steps += 1
        values = self._parameters.values
        if self._decays:
            decay = self._numbers["weight_decay"]
            decay = decay if self._decayed is None else decay * self._decayed
            if self._decouples:
                values.mul_((1 - self._numbers["lr"] * decay).to(values))
            else:
                gradient = gradient.addcmul(values, decay.to(values))
        self._rule(values, gradient, self._numbers, self.state, self.steps)

    def state_of(self, row: int) -> dict[str, Tensor]:
        """A copy of a member's state, in the form that Moment has it."""
        return self._of_row(row, self.state, self._numbers, self.steps)

    def snapshot(self) -> Callable[[int], dict[str, Tensor]]:
        """A copy of all members' states: what `state_of` gives for each row now."""
        state = {name: value.clone() for name, value in self.state.items()}
        return partial(self._of_row, state=state, numbers=self._numbers, steps=self.steps)

    def _of_row(self, row: int, state: State, numbers: Numbers, steps: int) -> dict[str, Tensor]:
        own = {name: value[row].clone() for name, value in state.items()}
        if "momentum" in numbers and not numbers["momentum"][row]:
            own.pop("momentum_buffer", None)
        return own if self._rule is _sgd else own | {"step": torch.tensor(float(steps))}

    def load(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Continue from the members' states, as `state_of` gave them."""
        self.steps = int(states[0].get("step", 0))
        values = self._parameters.values
        names = dict.fromkeys(name for state in states for name in state if name != "step")
        self.state = {
            name: torch.stack([state.get(name, torch.zeros_like(values[0])).to(values.device) for state in states])
            for name in names
        }
        self.read_numbers()

    def keep(self, rows: Tensor) -> None:
        """Drop all members but those of these rows."""
        self._optimizers = [self._optimizers[row] for row in rows.tolist()]
        self.state = {name: value[rows] for name, value in self.state.items()}
        self.read_numbers()


def _numbers(optimizer: Optimizer) -> dict[str, float]:
    """The numbers of an optimizer's first parameter group; betas become two. Schedules may have added others."""
    group = optimizer.param_groups[0]
    numbers = {name: float(group[name]) for name in optimizer.defaults if isinstance(group[name], int | float)}
    if "betas" in group:
        numbers |= {"beta1": group["betas"][0], "beta2": group["betas"][1]}
    return numbers
