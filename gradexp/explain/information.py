"""Entropy, cross-entropy and divergence, in bits."""

import torch
from torch.autograd import grad

from gradexp.explain.lesson import Lesson
from gradexp.gradients import information as closed


def information(lesson: Lesson) -> None:
    """How many bits an outcome is worth, and what a wrong belief costs."""
    equal = torch.full((4,), 0.25, dtype=torch.float64)
    skewed = torch.tensor([0.1, 0.1, 0.1, 0.7], dtype=torch.float64)
    lesson.say("Entropy is the mean number of bits that an outcome needs, -sum p log2 p:")
    for name, p in (("four equal outcomes", equal), (".1 .1 .1 .7", skewed)):
        lesson.hold(name, closed.entropy(p), -(p * p.log2()).sum(), by="to the letter")
    lesson.say()
    q = equal.clone().requires_grad_()
    lesson.say("Cross-entropy is what they need in a code that is best for q; here for four equal ones:")
    lesson.show("cross-entropy of .1 .1 .1 .7 in that code", closed.cross_entropy(skewed, equal))
    divergence = closed.kl_divergence(skewed, q)
    excess = closed.cross_entropy(skewed, equal) - closed.entropy(skewed)
    lesson.hold("KL divergence, what is lost by the wrong belief", divergence, excess, by="difference")
    (found,) = grad(divergence, q)
    lesson.hold("its gradient, -p / (q ln 2)", closed.kl_divergence_gradient(skewed, equal), found)
