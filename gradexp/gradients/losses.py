"""Losses, each followed by its gradient with respect to the outputs.

Every mean is over the batch. Class weights v [classes] give a weighted mean, sum_n v_n loss_n / sum_n v_n, as in torch,
where v_n is the weight of sample n's class. Squared and absolute errors then have an output for each class, [batch,
classes], and each element has the weight of its class. None stands for weights of 1.
"""

import torch
from torch import Tensor

from gradexp.gradients.activations import sigmoid, softmax, softplus


def mse(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared error, mean (o - t)^2 over all elements of outputs and targets [batch, ...] of one shape.

    It is the squared 2-norm of o - t divided by the number of elements. `squared_norm` does not divide, and `norm` does
    not square either, so the gradients differ in size; that of the norm has length 1 wherever it is not zero.
    """
    return (_element_shares(outputs, weights) * (outputs - targets).square()).sum()


def mse_gradient(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """2 (o - t) / n for n elements; with weights 2 (o - t) v / sum v over all elements."""
    return 2 * _element_shares(outputs, weights) * (outputs - targets)


def squared_norm(outputs: Tensor, targets: Tensor) -> Tensor:
    """The squared 2-norm, sum (o - t)^2."""
    return (outputs - targets).square().sum()


def squared_norm_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """2 (o - t)."""
    return 2 * (outputs - targets)


def norm(outputs: Tensor, targets: Tensor) -> Tensor:
    """The 2-norm, sqrt(sum (o - t)^2)."""
    return squared_norm(outputs, targets).sqrt()


def norm_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """(o - t) / |o - t|; 0 at zero by convention, as in torch."""
    length = norm(outputs, targets)
    return (outputs - targets) / torch.where(length > 0, length, torch.ones_like(length))


def l1(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error, mean |o - t| over all elements; weights as in `mse`."""
    return (_element_shares(outputs, weights) * (outputs - targets).abs()).sum()


def l1_gradient(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """sign(o - t) / n, 0 where o = t; with weights sign(o - t) v / sum v over all elements."""
    return _element_shares(outputs, weights) * (outputs - targets).sign()


def huber(outputs: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """Huber's loss (1964), a mean over all elements: e^2 / 2 up to |e| = delta, delta (|e| - delta / 2) beyond."""
    errors = (outputs - targets).abs()
    return torch.where(errors <= delta, errors.square() / 2, delta * (errors - delta / 2)).mean()


def huber_gradient(outputs: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """(o - t) / n, with o - t clamped to [-delta, delta]."""
    return (outputs - targets).clamp(-delta, delta) / outputs.numel()


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """The hinge loss of scores z [batch, 1] and targets t, 0 or 1 [batch, 1]: the mean of max(0, 1 - s z), s = 2 t - 1.

    Source: Cortes and Vapnik (1995).
    """
    return (1 - (2 * targets - 1) * outputs).clamp(min=0).mean()


def hinge_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """-s / n where the margin s z is below 1, else 0."""
    signs = 2 * targets - 1
    return -signs * (signs * outputs < 1) / outputs.numel()


def nll(log_probabilities: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Negative log-likelihood of log-probabilities [batch, classes] and classes [batch], mean of -log p_class."""
    chosen = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    return -(_shares(log_probabilities, targets, weights) * chosen).sum()


def nll_gradient(log_probabilities: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """-v_n / sum v at the sample's class, 0 elsewhere [batch, classes]."""
    return -_shares(log_probabilities, targets, weights).unsqueeze(1) * _one_hot(log_probabilities, targets)


def log_softmax(logits: Tensor) -> Tensor:
    """z_i - ln sum_j exp(z_j), over the last dimension; finite wherever the logits are."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy of logits [batch, classes] and classes [batch]: `nll` of `log_softmax`."""
    return nll(log_softmax(logits), targets, weights)


def cross_entropy_gradient(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(p - y) v_n / sum v, for the softmax p and the one-hot class y [batch, classes] (Bridle 1990)."""
    return _shares(logits, targets, weights).unsqueeze(1) * (softmax(logits) - _one_hot(logits, targets))


def naive_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The literal definition, -ln(exp(z_t) / sum_j exp(z_j)): infinite or NaN where exp overflows or underflows."""
    powers = logits.exp()
    p = powers / powers.sum(dim=1, keepdim=True)
    return -p.gather(1, targets.unsqueeze(1)).log().mean()


def bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of logits z [batch] and classes t, 0 or 1 [batch].

    The mean of -t ln s(z) - (1 - t) ln(1 - s(z)), computed as softplus(z) - t z.
    """
    return (_shares(logits, targets, weights) * (softplus(logits) - targets.to(logits.dtype) * logits)).sum()


def bce_gradient(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(s(z) - t) v_n / sum v [batch]."""
    return _shares(logits, targets, weights) * (sigmoid(logits) - targets.to(logits.dtype))


def _shares(outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Each sample's weight in the mean [batch]; they sum to 1."""
    if weights is None:
        by_sample = torch.ones(len(targets), dtype=outputs.dtype)
    else:
        by_sample = weights.to(outputs.dtype)[targets.long()]
    return by_sample / by_sample.sum()


def _element_shares(outputs: Tensor, weights: Tensor | None) -> Tensor:
    """Each element's weight in the mean [batch, ...]; they sum to 1."""
    by_element = torch.ones_like(outputs) if weights is None else weights.to(outputs).expand_as(outputs)
    return by_element / by_element.sum()


def _one_hot(outputs: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
