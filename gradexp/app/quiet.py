"""Silences library messages that a user cannot act on; all others are shown."""

import logging
import warnings


def quiet_libraries() -> None:
    """Turn off messages that do not help a user of gradexp, each for the reason given."""
    # Available accelerators, tips for paid services, why a fit ended: our summary prints what matters.
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        # Streaming with num_workers=0 is the user's choice.
        ".*does not have many workers.*",
        # A run need not use SLURM where it is installed.
        ".*The `srun` command is available.*",
        # Short epochs are fine: the logging interval counts steps across epochs.
        ".*The number of training batches .* is smaller than the logging interval.*",
        # data.val_size=0 requests an empty validation part.
        ".*Total length of `list` across ranks is zero.*",
        # A resumed fit says itself which settings have changed, or refuses them.
        ".*callbacks used to create the checkpoint need to be provided.*",
        # Names of classes and columns in scripts that matplotlib's font lacks; the figure shows boxes.
        "Glyph \\d+ .* missing from",
        # Lightning's own use of a deprecated torch function.
        ".*isinstance\\(treespec, LeafSpec\\).*",
        # A loss or layer of the user's choice that torch.vmap computes member by member.
        ".*performance drop because we have not yet implemented the batching rule.*",
        # torch's own use of torch.jit for TensorBoard's graph.
        ".*torch.jit.*is deprecated.*",
        ".*`torch.jit.trace`.*",
    ):
        warnings.filterwarnings("ignore", message=message)
    # Pillow's, of damaged image files, once a tag: such a file is read, or left out with a note.
    warnings.filterwarnings("ignore", module=r"PIL\.")
