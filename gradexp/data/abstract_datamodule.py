"""What every data module shares: the split, the loaders, where the data lies, augmentation of whole batches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from gradexp.arguments import Checked
from gradexp.data.batches import Batch, BatchLoader, BatchOrder, Source, SubsetSource, TensorSource, split_indices
from gradexp.data.samples import Samples
from gradexp.engine.step_callback import batches_begun
from gradexp.engine.step_groups import StepGroup, steps_at_once
from gradexp.randomness import generator, mix
from gradexp.rules import COUNT, NON_NEGATIVE, WHOLE, BatchSize, SampleNumber

GIB = 2**30


class AbstractDataModule(Checked, LightningDataModule, ABC):
    """Training, validation and test batches of one data source.

    The validation samples are drawn by `seed` from the training part; the test part is read by `test` (and `predict`)
    alone. A part of at most `memory_limit` GiB is held as tensors on the device that trains, where a batch is one
    index operation; a larger one is streamed.

    Args:
        batch_size: Training samples a step and process; None for full batches.
        val_size: Validation samples, as a number (0 for none) or as a fraction of the training part.
        eval_batch_size: Samples a step in validation, test and prediction.
        seed: Seed of the split, the order of batches and the augmentation.
        num_workers: Processes that read ahead when the data is streamed.
        memory_limit: Largest part that is held in memory, in GiB; 0 streams everything.
        shuffle: Draw the order of the training samples anew for every pass; without it they come as they lie.
        repeat: Passes over the training samples in an epoch: what Lightning does between two epochs (validation,
            checkpoints) costs more than a pass over a few samples.
        steps_per_execution: Optimizer steps that are taken at once, without going back to Lightning in between: for
            steps that cost less than Lightning's own work. Nothing but the speed depends on it. Several processes,
            augmentation, streamed data, limits in batches, and callbacks that act on each step take single steps.

    Sub-classes that hand arguments on take them as ``**options: Unpack[...]`` of a TypedDict in gradexp.data.options.

    Attributes:
        notes: What was done with the data that its user should know; after setup.
    """

    takes_groups = True  # in the hooks of batches

    # Whether a batch size above the number of training samples means full batches; else it is refused.
    full_batch_if_fewer: ClassVar[bool] = False

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
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.val_size = val_size
        self.seed = seed
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

    @abstractmethod
    def load(self, part: Literal["train", "test"]) -> Source:
        """Read the training or the test part, as it comes."""

    @abstractmethod
    def fit_preprocessing(self, source: Source, indices: Tensor) -> None:
        """Take from the training samples of `source` at `indices` what preprocessing needs, such as mean and spread."""

    @abstractmethod
    def preprocess(self, source: Source) -> Source:
        """The samples of `source` as the model takes them."""

    @property
    @abstractmethod
    def num_features(self) -> int:
        """Numbers in one sample."""

    @property
    def feature_names(self) -> list[str]:
        """Of the numbers in one sample; none where they have no names."""
        return []

    @property
    @abstractmethod
    def classes(self) -> list[str]:
        """Names of the classes, by class number; none where the targets are real numbers."""

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 where the targets are real numbers."""
        return len(self.classes)

    @property
    @abstractmethod
    def is_fitted(self) -> bool:
        """Whether preprocessing is known, from the training samples or from a checkpoint."""

    # Lightning's hooks

    def setup(self, stage: str) -> None:
        """Load and split what `stage` (fit, validate, test or predict) needs."""
        needs_train = stage in ("fit", "validate") or not self.is_fitted
        if needs_train and "train" not in self._parts:
            source = self.load("train")
            train, val = split_indices(len(source), self.val_size, self.seed)
            if not self.shuffle:
                train = train.sort().values
            too_large = self.batch_size is not None and self.batch_size > len(train)
            if too_large and not self.full_batch_if_fewer:
                raise ValueError(
                    f"data.batch_size must be at most {len(train)}, the number of training samples, "
                    f"or null for full batches; got {self.batch_size}."
                )
            if too_large:
                self._note(
                    f"data.batch_size {self.batch_size} is more than {len(train):,} training samples: full batches"
                )
            if not self.is_fitted:
                self.fit_preprocessing(source, train)
            if stage in ("fit", "validate"):
                ready = self.preprocess(source)
                self._parts["train"] = self._place(SubsetSource(ready, train))
                self._parts["val"] = self._place(SubsetSource(ready, val))
        if stage in ("test", "predict") and "test" not in self._parts:
            self._parts["test"] = self._place(self.preprocess(self.load("test")))

    def train_dataloader(self) -> BatchLoader:
        source, order = self._order("train", self.batch_size, self.seed if self.shuffle else None, True, self.repeat)
        at_once = self.steps_at_once
        module: Any = self.trainer.lightning_module if self.trainer is not None else None
        cut = module.batch_of_last_step(len(order)) if at_once > 1 else 0
        self._train_loader = BatchLoader(source, order, self.num_workers, at_once, cut)
        self._train_loader.load_state_dict(self._resume_state)
        self._resume_state = {"position": 0}
        return self._train_loader

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        # An empty list is Lightning's word for no validation.
        return self._eval_loader("val") if len(self._parts["val"]) else []

    def test_dataloader(self) -> Any:  # BatchLoader, or an empty list for no test
        return self._eval_loader("test") if len(self._parts["test"]) else []

    def predict_dataloader(self) -> Any:
        return self.test_dataloader()

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        # What lies on the device already need not be looked through, every step.
        if isinstance(batch, StepGroup) or batch[0].device == device:
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches on the device, by draws that depend on (seed, step, rank) alone."""
        if self.augment is None or self.trainer is None or not self.trainer.training:
            return batch
        # Transforms draw from the global generators.
        torch.manual_seed(mix("augmentation", self.seed, batches_begun(self.trainer), self.trainer.global_rank))
        inputs, targets = batch
        return self.augment(inputs), targets

    def sample(self, number: int) -> Batch:
        """The first `number` training samples, as training sees them, on the CPU; after setup."""
        source = self._parts["train"]
        inputs, targets = source[torch.arange(min(number, len(source)))]
        return (self.augment(inputs.cpu()) if self.augment else inputs.cpu()), targets.cpu()

    def train_targets(self) -> Tensor:
        """The targets of all training samples [samples, ...], on the CPU, without reading inputs; after setup."""
        return self._parts["train"].targets.cpu()

    def resample(self, copies: int, size: int | float) -> Batch:
        """Training sets like the one at hand; after setup.

        Args:
            copies: How many.
            size: Samples in each, as a number or a share of the training part: drawn from that, none twice in one set.

        Returns:
            Inputs [copies, samples, ...] and targets [copies, samples, ...], on the CPU.

        Raises:
            ValueError: The training part has fewer samples.
        """
        source = self._parts["train"]
        number = size if isinstance(size, int) else round(size * len(source))
        if not 0 < number <= len(source):
            raise ValueError(f"resampling.size must be at most {len(source):,}, the training samples; got {size}.")
        streams = [generator("resample", self.seed, copy) for copy in range(copies)]
        sets = [source[torch.randperm(len(source), generator=stream)[:number]] for stream in streams]
        return torch.stack([inputs.cpu() for inputs, _ in sets]), torch.stack([targets.cpu() for _, targets in sets])

    def held_out(self) -> Batch:
        """The validation samples: inputs [samples, ...] and targets [samples, ...], on the CPU; after setup."""
        source = self._parts["val"]
        inputs, targets = source[torch.arange(len(source))]
        return inputs.cpu(), targets.cpu()

    @property
    def steps_at_once(self) -> int:
        """`steps_per_execution`, as far as the trainer allows; after setup."""
        in_memory = isinstance(self._parts.get("train"), TensorSource)
        if self.trainer is None or not in_memory or self.augment:
            return 1
        return steps_at_once(self.trainer, self.steps_per_execution)

    def read_samples(self, path: Path) -> Samples:
        """The samples in a file or folder of the user's, for prediction.

        Raises:
            ValueError: There are none that this data module reads.
        """
        raise ValueError(f"input must be null for {type(self).__name__}, which reads no files; got {path}.")

    def in_target_units(self, outputs: Tensor) -> Tensor:
        """Predictions [samples, targets] of real numbers in the units of the targets as they came."""
        return outputs

    @property
    def target_std(self) -> float:
        """What real targets were divided by, in the units that they came in."""
        return 1.0

    def sizes(self) -> dict[str, int]:
        """Samples in each part that has been set up: train, val, test."""
        return {part: len(source) for part, source in self._parts.items()}

    def _note(self, *notes: str) -> None:
        """Add to the notes what is not there already: parts that are read alike have the same to say."""
        self.notes += [note for note in notes if note not in self.notes]

    def _place(self, source: Source) -> Source:
        """Hold a source in memory where it is small enough."""
        if len(source) == 0:
            return source
        sample = source[torch.zeros(1, dtype=torch.long)]
        size = len(source) * sum(tensor.nbytes for tensor in sample)
        if size > self.memory_limit * GIB:
            return source
        return TensorSource(*source[torch.arange(len(source))])

    def _order(
        self, part: str, batch_size: int | None, seed: int | None = None, even: bool = False, repeat: int = 1
    ) -> tuple[Source, BatchOrder]:
        """A part, on the device that trains where it is in memory, and the order of its batches."""
        source = self._parts[part]
        rank, world_size, device = 0, 1, torch.device("cpu")
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
            device = self.trainer.strategy.root_device
        if isinstance(source, TensorSource):
            source = self._parts[part] = source.to(device)
        return source, BatchOrder(len(source), batch_size, seed, rank, world_size, even, repeat)

    def _eval_loader(self, part: str) -> BatchLoader:
        return BatchLoader(*self._order(part, self.eval_batch_size), self.num_workers)

    # What the checkpoint keeps

    @abstractmethod
    def preprocessing_state(self) -> dict[str, Any]:
        """Preprocessing as plain data, so that a checkpoint alone can preprocess new samples."""

    @abstractmethod
    def load_preprocessing_state(self, state: Mapping[str, Any]) -> None:
        """Take preprocessing over from a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        position = self._train_loader.state_dict() if self._train_loader else self._resume_state
        return {"preprocessing": self.preprocessing_state(), **position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.load_preprocessing_state(state_dict["preprocessing"])
        # Lightning restores the position in a loader too, but not once a schedule has asked for the number of steps.
        self._resume_state = {key: value for key, value in state_dict.items() if key != "preprocessing"}
