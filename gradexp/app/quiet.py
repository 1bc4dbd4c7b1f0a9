"""Silence for library messages that a user can do nothing about; everything else is heard."""

import logging
import warnings


def quiet_libraries() -> None:
    """Turn off what says nothing to a user of gradexp, message by message, each with its reason."""
    # Which accelerators were found, tips for paid services, why fit ended: our summary says what matters.
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        # Streaming with num_workers=0 is a choice.
        ".*does not have many workers.*",
        # That SLURM is installed does not mean that it is wanted.
        ".*The `srun` command is available.*",
        # Short epochs are fine: we log by step over epochs.
        ".*The number of training batches .* is smaller than the logging interval.*",
        # No validation part is what data.val_size=0 asks for.
        ".*Total length of `list` across ranks is zero.*",
        # Lightning's own use of a deprecated torch function.
        ".*isinstance\\(treespec, LeafSpec\\).*",
        # torch's own: TensorBoard's graph is traced by torch.jit.
        ".*torch.jit.*is deprecated.*",
        ".*`torch.jit.trace`.*",
    ):
        warnings.filterwarnings("ignore", message=message)
