"""Whether one seed gives one result."""

import torch

from gradexp.auditing.result import Check
from gradexp.auditing.subject import Subject


def is_reproducible(subject: Subject) -> Check:
    """Compare loss and gradients of two passes in training mode with the same seed, bit for bit."""
    passes = []
    for _ in range(2):
        result = subject.fresh_copy()
        one = result.run(training=True)
        gradients = one.gradients(list(result.parameters.values()))
        passes.append([one.objective.detach(), *(gradient for gradient in gradients if gradient is not None)])
    same = len(passes[0]) == len(passes[1]) and all(
        torch.equal(torch.isnan(a), torch.isnan(b)) and torch.equal(a[~torch.isnan(a)], b[~torch.isnan(b)])
        for a, b in zip(*passes, strict=True)
    )
    figure = "two passes are equal, bit for bit" if same else "two passes differ"
    return Check("one seed, one result", same, figure, "something random does not depend on torch.manual_seed")
