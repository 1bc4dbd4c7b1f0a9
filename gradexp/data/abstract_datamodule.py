"""The base of all data modules: split, loaders, placement in memory, augmentation, and what checkpoints keep."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from gradexp.arguments import Checked
from gradexp.data.abstract_dataset import AbstractDataset
from gradexp.data.batch_loader import BatchLoader
from gradexp.data.batch_order import BatchOrder, FixedOrder
from gradexp.data.resampling import training_sets
from gradexp.data.sources import Batch, Source, SubsetSource, TensorSource, load_if_small, read_all
from gradexp.data.split import Split, check_loaders
from gradexp.data.test_set import digest
from gradexp.engine.augmentation import Augmentation
from gradexp.engine.batches import pair_of
from gradexp.engine.step_callback import batches_begun
from gradexp.engine.step_groups import StepGroup, steps_at_once
from gradexp.rules import COUNT, NON_NEGATIVE, WHOLE, BatchSize, FoldNumber, Folds, SampleNumber, SplitSeed
from gradexp.untrusted import check_kinds


class AbstractDataModule(Checked, LightningDataModule, AbstractDataset):
    """Training, validation and test batches of one data set; a sub-class implements AbstractDataset.

    `split_seed` draws the validation samples from the training part, or the folds of a cross-validation; only `test`
    and `predict` read the test part. A part of at most `memory_limit` GiB is held as tensors on the training device,
    where a batch is one index operation; a larger part is streamed.

    Args:
        batch_size: Training samples per step and process; None for full batches.
        val_size: Validation samples, as a number (0 for none) or as a fraction of the training part; of no effect with
            `folds`.
        eval_batch_size: Samples per step in validation, test and prediction.
        seed: Seed of the order of batches and the augmentation.
        num_workers: Processes that read ahead when the data is streamed.
        memory_limit: Largest part that is held in memory, in GiB; 0 streams everything.
        shuffle: Shuffle the training samples anew for every pass; otherwise they keep the order of the source.
        repeat: Passes over the training samples per epoch. Lightning's work between two epochs (validation,
            checkpoints) costs more than a pass over a few samples.
        steps_per_execution: Optimizer steps per call from Lightning, for steps that cost less than Lightning's own
            work. It changes only the speed. Several processes, augmentation, streamed data, limits in batches, and
            callbacks that act on each step make it 1.
        folds: Parts of the training part, with equal shares of every class, one of which is held out for validation.
        fold: Which one, from 0.
        split_seed: Seed of the split, and of data that are drawn; None for 0 with folds, otherwise for `seed`.

    Sub-classes that pass arguments on take them as ``**options: Unpack[...]`` of a TypedDict in gradexp.data.options.

    Attributes:
        notes: What the user should know about how the data was prepared; after setup.
    """

    takes_groups = True  # its batch hooks accept a StepGroup
    test_digest = ""  # what identifies the test set; after setup for a test
    raw_test: Source | None = None  # the test part, not preprocessed; after setup for a test
    full_batch_if_fewer: ClassVar[bool] = False  # whether a batch size above the training samples means full batches

    def __init__(
        self,
        batch_size: BatchSize,
        val_size: SampleNumber,
        eval_batch_size: Annotated[int, COUNT] = 10_000,
        seed: Annotated[int, WHOLE] = 0,
        num_workers: Annotated[int, WHOLE] = 0,
        memory_limit: Annotated[float, NON_NEGATIVE] = 2.0,
        shuffle: bool = True,
        repeat: Annotated[int, COUNT] = 1,
        steps_per_execution: Annotated[int, COUNT] = 1,
        folds: Folds = None,
        fold: FoldNumber = None,
        split_seed: SplitSeed = None,
    ) -> None:
        super().__init__()
        check_loaders(type(self), AbstractDataModule, folds=folds, split_seed=split_seed)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.val_size = val_size
        self.seed = seed
        self.split_seed = split_seed if split_seed is not None else 0 if folds is not None else seed
        self._split = Split(val_size, self.split_seed, folds, fold)
        self.num_workers = num_workers
        self.memory_limit = memory_limit
        self.shuffle = shuffle
        self.repeat = repeat
        self.steps_per_execution = steps_per_execution
        self.notes: list[str] = []
        self.augment: Callable[[Tensor], Tensor] | None = None
        self._parts: dict[str, Source] = {}
        self._train_loader: BatchLoader | None = None
        self._resume_state: dict[str, Any] = {"position": 0}
        self._validated: tuple[str, int | None] = ("val", None)  # the part that validation reads, and how much of it

    # Lightning's hooks

    def setup(self, stage: str) -> None:
        """Load and split what `stage` (fit, validate, test or predict) needs."""
        if "train" not in self._parts and (stage in ("fit", "validate") or not self.is_fitted):
            source = self.load("train")
            train, val = self._split(source, lambda: self.classes)
            if not self.shuffle:
                train = train.sort().values
            if self.batch_size is not None and self.batch_size > len(train):
                if not self.full_batch_if_fewer:
                    raise ValueError(
                        f"data.batch_size must be at most {len(train)}, the number of training samples, "
                        f"or null for full batches; got {self.batch_size}."
                    )
                self._note(
                    f"data.batch_size {self.batch_size} is more than {len(train):,} training samples: full batches"
                )
            if not self.is_fitted:
                self.fit_preprocessing(source, train)
            if stage in ("fit", "validate"):
                preprocessed = self.preprocess(source)
                for part, indices in (("train", train), ("val", val)):
                    self._parts[part] = load_if_small(SubsetSource(preprocessed, indices), self.memory_limit)
        if stage in ("test", "predict") and "test" not in self._parts:
            self.raw_test = self.load("test")
            self.test_digest = digest(self.raw_test)
            self._parts["test"] = load_if_small(self.preprocess(self.raw_test), self.memory_limit)

    def train_dataloader(self) -> BatchLoader:
        source, order = self.in_order("train", training=True)
        group_size = self.steps_at_once
        module: Any = self.trainer.lightning_module if self.trainer is not None else None
        cut = module.batch_of_last_step(len(order)) if group_size > 1 else 0
        self._train_loader = BatchLoader(source, order, self.num_workers, group_size, cut)
        self._train_loader.load_state_dict(self._resume_state)
        self._resume_state = {"position": 0}
        return self._train_loader

    def val_dataloader(self) -> Any:  # BatchLoader, or an empty list for no validation
        return self._eval_loader(*self._validated)

    def test_dataloader(self) -> Any:
        return self._eval_loader("test")

    def predict_dataloader(self) -> Any:
        return self.test_dataloader()

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        # Saves Lightning's search for tensors in every step when the batch is on the device already.
        # A sub-class may have loaders of its own, with other batches.
        is_pair = isinstance(batch, tuple | list) and isinstance(batch[0], Tensor)
        if isinstance(batch, StepGroup) or (is_pair and batch[0].device == device):
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches on the device, with draws that depend only on (seed, step, rank)."""
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return batch
        inputs, targets = pair_of(batch)
        augmentation = Augmentation(self.augment, self.seed)
        return augmentation(inputs, batches_begun(self.trainer), self.trainer.global_rank), targets

    def state_dict(self) -> dict[str, Any]:
        position = self._train_loader.state_dict() if self._train_loader else self._resume_state
        return {"preprocessing": self.preprocessing_state(), **position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        check_kinds(state_dict, preprocessing=dict, position=int)
        self.load_preprocessing_state(state_dict["preprocessing"])
        # Lightning restores a loader's position too, but not after a schedule has asked for the number of steps.
        self._resume_state = {key: value for key, value in state_dict.items() if key != "preprocessing"}

    # What tasks, reports and callbacks read; after setup

    @property
    def steps_at_once(self) -> int:
        """`steps_per_execution`, or 1 if the trainer, augmentation or streamed data need single steps."""
        in_memory = isinstance(self._parts.get("train"), TensorSource)
        if self.trainer is None or not in_memory or self.augment:
            return 1
        return steps_at_once(self.trainer, self.steps_per_execution)

    @property
    def holds_out(self) -> bool:
        """Whether samples are held out for validation."""
        return self._split.holds_out

    def sizes(self) -> dict[str, int]:
        """Number of samples in each part that is set up: train, val, test."""
        return {part: len(source) for part, source in self._parts.items()}

    def in_order(self, part: str, training: bool = False, number: int | None = None) -> tuple[Source, BatchOrder]:
        """A part, moved to the training device if it is in memory, and the order of its first `number` samples.

        Args:
            part: "train", "val" or "test".
            training: Whether the batches are those of training; otherwise they are those of an evaluation.
            number: None for all samples.
        """
        source = self._parts[part]
        rank, world_size, device = 0, 1, torch.device("cpu")
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
            device = self.trainer.strategy.root_device
        if isinstance(source, TensorSource):
            source = self._parts[part] = source.to(device)
        samples = len(source) if number is None else min(number, len(source))
        order = FixedOrder if getattr(self.trainer, "overfit_batches", 0) else BatchOrder
        if not training:
            return source, order(samples, self.eval_batch_size, None, rank, world_size)
        seed = self.seed if self.shuffle else None
        return source, order(samples, self.batch_size, seed, rank, world_size, True, self.repeat)

    def sample(self, number: int) -> Batch:
        """The first `number` training samples, augmented as in training, on the CPU."""
        source = self._parts["train"]
        inputs, targets = source[torch.arange(min(number, len(source)))]
        return (self.augment(inputs.cpu()) if self.augment else inputs.cpu()), targets.cpu()

    def train_targets(self) -> Tensor:
        """The targets of all training samples [samples, ...], on the CPU; inputs are not read."""
        return self._parts["train"].targets.cpu()

    @contextmanager
    def validating_training_samples(self, number: int) -> Iterator[None]:
        """A context in which validation reads the first `number` training samples, unaugmented."""
        self._validated = ("train", number)
        try:
            yield
        finally:
            self._validated = ("val", None)

    def held_out(self) -> Batch:
        """The validation samples: inputs [samples, ...] and targets [samples, ...], on the CPU."""
        inputs, targets = read_all(self._parts["val"])
        return inputs.cpu(), targets.cpu()

    def resample(self, copies: int, size: int | float) -> Batch:
        """Draw several training sets from the training part; see gradexp.data.resampling.training_sets."""
        return training_sets(self._parts["train"], copies, size, self.seed)

    def _note(self, *notes: str) -> None:
        """Add each note once, also if the training and the test part both lead to it."""
        self.notes += [note for note in notes if note not in self.notes]

    def _eval_loader(self, part: str, number: int | None = None) -> Any:
        """The loader of a part; an empty list, which tells Lightning to skip the stage, if it has no samples."""
        has_samples = len(self._parts[part]) > 0
        return BatchLoader(*self.in_order(part, number=number), self.num_workers) if has_samples else []
