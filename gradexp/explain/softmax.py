"""Softmax, its Jacobian, and why the largest logit is subtracted."""

import torch
from torch.autograd.functional import jacobian

from gradexp.explain.lesson import Lesson
from gradexp.gradients import activations


def softmax(lesson: Lesson) -> None:
    """Probabilities of three logits, all nine derivatives, and invariance to a shift."""
    logits = torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64)
    p = activations.softmax(logits)
    lesson.write("p_i = exp(z_i) / sum_j exp(z_j), at z = [2, 1, 0.1]:")
    lesson.compare("p", p, logits.softmax(0), by="torch")
    lesson.compare("their sum", p.sum(), 1.0, by="by definition")
    lesson.section("dp_i/dz_j = p_i (delta_ij - p_j): p_i (1 - p_i) on the diagonal, -p_i p_j elsewhere:")
    closed = activations.softmax_jacobian(logits)
    reference = jacobian(lambda z: z.softmax(0), logits)  # type: ignore[no-untyped-call]
    for i in range(3):
        lesson.compare(f"row {i}", closed[i], reference[i])
    lesson.write("Rows sum to zero, so adding a constant to all logits changes nothing:")
    lesson.compare("sums of the rows", closed.sum(1), torch.zeros(3), by="expected")
    large = logits + 1000
    powers = large.exp()
    lesson.section("Subtracting the largest logit first prevents overflow; at z + 1000:")
    lesson.show("exp(z_i) / sum_j exp(z_j) by definition", powers / powers.sum())
    lesson.compare("after subtracting the largest logit", activations.softmax(large), p, by="at z")
