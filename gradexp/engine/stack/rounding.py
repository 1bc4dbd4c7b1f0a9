"""Makes the rounding of matrix products independent of where in memory their matrices begin."""

import os

VARIABLE = "MKL_CBWR"  # MKL's "conditional numerical reproducibility", read at a process's first product


def round_alike() -> None:
    """Let MKL round a product in the same way wherever its matrices begin, unless the user has set how.

    By default the last bits depend on the alignment, and with it on a member's place in its stack where the numbers of
    a matrix are no multiple of 4. It costs no time. It has no effect after the process's first product.
    """
    os.environ.setdefault(VARIABLE, "AUTO")
