"""How long the jobs of a sweep take in stacks, roughly: enough to decide whether further processes are worth it."""

from omegaconf import DictConfig

from gradexp.app.vectorized.members import Preparation

# Of one core, measured with the digits' networks (tests/benchmarks/vectorized.py).
FLOPS = 2.5e10  # a second, in the products of a stack
STEP = 2e-5  # seconds of a member's step besides the products
END = 0.05  # seconds of a job beside its fit: it is built, measured, tested and written
ALONE = 0.5  # seconds of a job that runs alone, at least


def seconds_of_stacks(cfg: DictConfig, jobs: int) -> float:
    """Seconds that the fits of jobs of one shape take in one process, to within a factor of 3 or so.

    A step takes 6 operations a weight and sample: 2 forward, 4 backward.

    Args:
        cfg: The configuration of one of them.
        jobs: How many there are.
    """
    try:
        prepared = Preparation()(cfg)
    except Exception:  # which the job will say
        return jobs * ALONE
    weights = sum(parameter.numel() for parameter in prepared.member.network.parameters())
    epochs, samples = prepared.member.max_epochs, len(prepared.member.train.targets)
    return jobs * epochs * (samples * weights * 6 / FLOPS + len(prepared.order) * STEP)
