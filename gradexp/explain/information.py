"""Entropy, cross-entropy and KL divergence, in bits."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.gradients import information as closed


def information(lesson: Lesson) -> None:
    """The bits that an outcome needs, and the extra bits of a wrong distribution."""
    equal = torch.full((4,), 0.25, dtype=torch.float64)
    skewed = torch.tensor([0.1, 0.1, 0.1, 0.7], dtype=torch.float64)
    lesson.write("Entropy is the mean number of bits that an outcome needs, -sum p log2 p:")
    for name, p in (("four equal outcomes", equal), (".1 .1 .1 .7", skewed)):
        lesson.compare(name, closed.entropy(p), -(p * p.log2()).sum(), by="by definition")
    q = equal.clone().requires_grad_()
    lesson.section(
        "Cross-entropy is their mean number of bits in the optimal code for q; here q is four equal outcomes:"
    )
    lesson.show("cross-entropy of .1 .1 .1 .7 in that code", closed.cross_entropy(skewed, equal))
    divergence = closed.kl_divergence(skewed, q)
    excess = closed.cross_entropy(skewed, equal) - closed.entropy(skewed)
    lesson.compare("KL divergence, cross-entropy minus entropy", divergence, excess, by="difference")
    (gradient,) = grad(divergence, q)
    lesson.compare("its gradient, -p / (q ln 2)", closed.kl_divergence_gradient(skewed, equal), gradient)
