"""What identifies a test set, so that only results on equal ones are compared sample by sample."""

import hashlib

import torch

from gradexp.data.sources import Source, TensorSource

INPUTS = 64  # samples whose inputs count: the targets alone may repeat, as in generated data


def digest(source: Source) -> str:
    """16 hexadecimal digits of a part as it is read, before preprocessing, which depends on the seed.

    They are of all targets in their order, and of some inputs. Of rows of a table, which have no inputs before they are
    preprocessed, the targets alone count.
    """
    found = hashlib.sha256()
    targets = source.targets.cpu().contiguous()
    found.update(f"{targets.dtype} {list(targets.shape)}".encode())
    found.update(targets.numpy().tobytes())
    if len(targets) and (isinstance(source, TensorSource) or hasattr(source, "pixels")):
        places = torch.linspace(0, len(targets) - 1, min(INPUTS, len(targets))).long()
        found.update(source[places][0].cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
