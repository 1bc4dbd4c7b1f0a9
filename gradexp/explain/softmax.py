"""Softmax, its Jacobian, and why the largest logit is taken off."""

import torch
from torch.autograd.functional import jacobian

from gradexp.explain.lesson import Lesson
from gradexp.gradients import activations


def softmax(lesson: Lesson) -> None:
    """Probabilities of three logits, all nine derivatives, and a shift that changes nothing."""
    logits = torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64)
    p = activations.softmax(logits)
    lesson.say("p_i = exp(z_i) / sum_j exp(z_j), at z = [2, 1, 0.1]:")
    lesson.hold("p", p, logits.softmax(0), by="torch")
    lesson.hold("their sum", p.sum(), 1.0, by="by definition")
    lesson.say()
    lesson.say("dp_i/dz_j = p_i (delta_ij - p_j): p_i (1 - p_i) on the diagonal, -p_i p_j beside it:")
    closed, found = activations.softmax_jacobian(logits), jacobian(lambda z: z.softmax(0), logits)  # type: ignore[no-untyped-call]
    for i in range(3):
        lesson.hold(f"row {i}", closed[i], found[i])
    lesson.hold("a row's sum: a shift of all logits changes nothing", closed.sum(1), torch.zeros(3), by="expected")
    lesson.say()
    large = logits + 1000
    powers = large.exp()
    lesson.say("So the largest logit is taken off first; at z + 1000:")
    lesson.show("exp(z_i) / sum_j exp(z_j) to the letter", powers / powers.sum())
    lesson.hold("with the largest taken off", activations.softmax(large), p, by="at z")
