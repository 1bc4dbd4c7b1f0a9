"""Which samples of the training part are trained on and which are held out: a random part, or one fold of several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gradexp.data.sources import Source
from gradexp.randomness import generator
from gradexp.rules import check_folds

Indices = tuple[Tensor, Tensor]  # of the samples to train on and of those held out


@dataclass(frozen=True)
class Split:
    """How the training part is split.

    Attributes:
        val_size: Samples held out, as a number or as a fraction; of no effect with folds.
        seed: What draws the split.
        folds: Parts of cross-validation, which differ by at most one sample; None for one random split.
        fold: The part that is held out, from 0.

    Raises:
        ValueError: `folds` and `fold` do not go together.
    """

    val_size: int | float
    seed: int
    folds: int | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        check_folds(self.folds, self.fold)

    @property
    def holds_out(self) -> bool:
        """Whether any samples are held out for validation."""
        return self.folds is not None or self.val_size != 0

    def __call__(self, source: Source, classes: Callable[[], Sequence[str]]) -> Indices:
        """Split the samples of a source, each fold with the same share of every class.

        Args:
            source: Its targets are class numbers [samples], or real numbers.
            classes: Gives the names of the classes, which a message needs.

        Raises:
            ValueError: There are too few samples.
        """
        if self.folds is None or self.fold is None:
            return split_indices(len(source), self.val_size, self.seed)
        targets = source.targets
        if targets.is_floating_point():
            targets = torch.zeros(len(source), dtype=torch.long)
        numbers, counts = torch.unique(targets, return_counts=True)
        least = int(counts.min())
        if least < self.folds:
            smallest = numbers[counts.argmin()]
            of_class = "" if source.targets.is_floating_point() else f" of class {classes()[smallest]}, the smallest"
            raise ValueError(
                f"data.folds must be at most {least}, the number of samples in the training part{of_class}; got "
                f"{self.folds}."
            )
        return fold_indices(targets, self.folds, self.fold, self.seed)


def check_loaders(cls: type, base: type, **given: int | None) -> None:
    """Check that a data module whose loaders are its own is not asked for a split, which they would not follow.

    Args:
        cls: Its class.
        base: The class whose loaders read the split.
        given: The arguments that ask for a split.

    Raises:
        ValueError: One of them is given.
    """
    own = [name for name in ("train_dataloader", "val_dataloader") if getattr(cls, name) is not getattr(base, name)]
    for name, value in given.items():
        if own and value is not None:
            raise ValueError(
                f"data.{name} must be null for {cls.__name__}, which has a {own[0]} of its own; got {value}."
            )


def split_indices(num_samples: int, val_size: int | float, seed: int) -> Indices:
    """Indices of the training and of the `val_size` validation samples (a number or a fraction), drawn by `seed`.

    Raises:
        ValueError: No training sample would be left.
    """
    num_val = round(val_size * num_samples) if isinstance(val_size, float) else val_size
    if num_val >= num_samples:
        raise ValueError(
            f"data.val_size must leave samples to train on: below {num_samples}, the size of the training part; "
            f"got {val_size}."
        )
    order = torch.randperm(num_samples, generator=generator("split", seed))
    return order[num_val:], order[:num_val]


def fold_indices(classes: Tensor, folds: int, fold: int, seed: int) -> Indices:
    """Indices of the samples outside a fold and of those in it, both in random order.

    The samples are shuffled, sorted by class and dealt out in turn: so folds differ by at most one sample, and by at
    most one of any class.

    Args:
        classes: Class number of each sample [samples]; equal numbers for folds without regard to classes.
        folds: How many folds there are.
        fold: Which of them, from 0.
        seed: What shuffles the samples.
    """
    order = torch.randperm(len(classes), generator=generator("folds", seed))
    by_class = classes[order].argsort(stable=True)
    is_held_out = torch.empty(len(order), dtype=torch.bool)
    is_held_out[by_class] = torch.arange(len(order)) % folds == fold
    return order[~is_held_out], order[is_held_out]
