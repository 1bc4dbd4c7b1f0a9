"""Builds the member of a stack from a job's configuration, as a single run builds its data and model."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.utilities.types import LRSchedulerConfig
from omegaconf import DictConfig
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from gradexp.app.assembly import build_data, build_model
from gradexp.app.callback_list import early_stopping
from gradexp.app.initial_state import set_initial_state
from gradexp.app.tasks.adapt import adapt
from gradexp.building.trust import trusted_class
from gradexp.configuration.values import changed, plain
from gradexp.data import AbstractDataModule
from gradexp.data.batch_order import BatchOrder
from gradexp.data.sources import TensorSource
from gradexp.engine.augmentation import Augmentation
from gradexp.engine.stack.batches import Samples
from gradexp.engine.stack.group_updates import steps_by_gradients
from gradexp.engine.stack.means import StackedMetric
from gradexp.engine.stack.member import Member
from gradexp.engine.stack.network import why_not_stacked
from gradexp.models import AbstractModule
from gradexp.models.stacked_metrics import stacked_metric
from gradexp.objective.objective import Objective

# Methods that each class of model implements, which a stack calls. Others of AbstractModule it replaces.
OF_EVERY_MODEL = ("loss", "predictions")
# Methods of AbstractDataModule that a stack replaces.
BATCHES = (
    "train_dataloader", "val_dataloader", "on_before_batch_transfer", "transfer_batch_to_device",
    "on_after_batch_transfer",
)  # fmt: skip


class Alone(Exception):  # noqa: N818  # a reason, not an error
    """The job cannot be a member of a stack."""


@dataclass
class Prepared:
    """A job that is ready to be trained in a stack.

    Attributes:
        cfg: The configuration that runs.
        notes: What the user should know.
        data: Its data module, set up for a fit.
        model: Its module with initial weights.
        member: What the stack trains.
        metrics: Of training and validation, by name.
        order: The order of the training samples.
        val_batches: Batches of a validation.
    """

    cfg: DictConfig
    notes: list[str]
    data: AbstractDataModule
    model: AbstractModule
    member: Member
    metrics: dict[str, StackedMetric]
    order: BatchOrder
    val_batches: int


KEPT = 2**30  # bytes of samples that are kept for further jobs


class Preparation:
    """Prepares jobs; those of equal data and seed share their samples, unless others came in between."""

    def __init__(self) -> None:
        self._samples: dict[str, tuple[AbstractDataModule, Samples, Samples | None, BatchOrder, int]] = {}

    def __call__(self, cfg: DictConfig) -> Prepared:
        """Build data, model and member of a job's configuration.

        Raises:
            Alone: The job cannot be a member of a stack.
            ValueError: The configuration or the data is not usable.
        """
        if cfg.figures == "auto":
            cfg = changed(cfg, {"figures": False})
        seed_everything(cfg.seed, workers=True, verbose=False)
        data = build_data(cfg)
        cfg, notes = adapt(cfg, data)
        model = build_model(cfg, data)
        if not isinstance(model, AbstractModule):
            raise Alone(f"{type(model).__name__} is not one of gradexp's models")
        if model.has_own_gradients or not model.takes_steps:
            raise Alone(f"{type(model).__name__} computes its own gradients")
        own = [name for name in overridden(type(model), AbstractModule) if name not in OF_EVERY_MODEL]
        if own:
            raise Alone(f"{type(model).__name__} overrides {own[0]}")
        reason = why_not_stacked(model.network)
        if reason is not None:
            raise Alone(f"{type(model).__name__}: {reason}")
        for name, section in plain(cfg.callbacks).items():
            _check_callback(trusted_class(section["_target_"], "callbacks", cfg.trusted_packages, name))
        metrics: dict[str, StackedMetric] = {}
        for name in model.names_in("val"):
            metric = model.val_metrics.metric(name.partition("/")[2])
            stacked = stacked_metric(metric) if metric is not None else None
            if stacked is not None:
                metrics[name.partition("/")[2]] = stacked
            elif metric is not None:
                raise Alone(f"there is no batched {type(metric).__name__}")
        notes += set_initial_state(cfg, model)
        key = repr((plain(cfg.data), cfg.data_dir, cfg.seed))
        if key not in self._samples:
            while self._samples and sum(one.size for _, one, *_ in self._samples.values()) > KEPT:
                del self._samples[next(iter(self._samples))]
            self._samples[key] = _samples(data, device_of(cfg.trainer.accelerator))
        data, train, val, order, val_batches = self._samples[key]
        model.to(train.inputs.device)
        model.balance_loss(data.train_targets)
        member = _member(cfg, model, train, val, order)
        if not steps_by_gradients(member.optimizer):
            raise Alone(f"{type(member.optimizer).__name__} evaluates the objective several times a step")
        return Prepared(cfg, notes, data, model, member, metrics, order, val_batches)


def _check_callback(cls: type) -> None:
    """Check that a callback acts after the fit alone, when a stack's member is as after its own fit.

    Raises:
        Alone: It acts within the fit.
    """
    for hook in overridden(cls, Callback):
        if hook.startswith("on_") and not hook.startswith(("on_fit_end", "on_test", "on_predict")):
            raise Alone(f"{cls.__name__} acts within the fit ({hook})")


@functools.cache
def overridden(cls: type, base: type) -> tuple[str, ...]:
    """The methods of a base class that a class overrides, but for those of Python itself."""
    names = (name for name in dir(base) if not name.startswith("__"))
    pairs = ((name, getattr_static(cls, name), getattr_static(base, name)) for name in names)
    return tuple(name for name, own, inherited in pairs if own is not inherited and callable(own))


@functools.cache
def device_of(accelerator: str) -> torch.device:
    """The device of a Trainer with this accelerator."""
    trainer = Trainer(accelerator=accelerator, devices=1, logger=False, enable_checkpointing=False)
    return trainer.strategy.root_device


def _samples(
    data: AbstractDataModule, device: torch.device
) -> tuple[AbstractDataModule, Samples, Samples | None, BatchOrder, int]:
    own = [name for name in overridden(type(data), AbstractDataModule) if name in BATCHES]
    if own:
        raise Alone(f"{type(data).__name__} overrides {own[0]}")
    data.prepare_data()
    data.setup("fit")
    source, order = data.in_order("train", training=True)
    if not isinstance(source, TensorSource):
        raise Alone("its data are streamed")
    source = source.to(device)

    def batches(epoch: int) -> list[Tensor]:
        order.set_epoch(epoch)
        return order.batches(device)

    augmentation = None if data.augment is None else Augmentation(data.augment, data.seed)
    train = Samples(source.inputs, source.targets, batches, augmentation)
    held_out, val_order = data.in_order("val")
    if not len(held_out):
        return data, train, None, order, 0
    if not isinstance(held_out, TensorSource):
        raise Alone("its data are streamed")
    held_out = held_out.to(device)
    val = Samples(held_out.inputs, held_out.targets, lambda epoch: val_order.batches(device))
    return data, train, val, order, len(val_order)


def _member(cfg: DictConfig, model: AbstractModule, train: Samples, val: Samples | None, order: BatchOrder) -> Member:
    epochs = _epochs(cfg, len(order))
    total = epochs * len(order)
    optimizer, schedules = _configured(model.objective, model, lambda: total, model.mode_of(model.objective.monitor))
    never_validates = val is None or cfg.trainer.check_val_every_n_epoch > epochs
    if never_validates and any(one.reduce_on_plateau and one.monitor.startswith("val/") for one in schedules):
        raise ValueError(f"{cfg.monitor}, which the schedule watches, is never measured")
    return Member(
        network=model.network,
        loss=model.loss,
        loss_module=model.objective.loss,
        optimizer=optimizer,
        schedules=schedules,
        penalties=model.objective.penalties,
        proximal=model.objective.proximal,
        train=train,
        val=val,
        seed=cfg.seed,
        max_epochs=epochs,
        monitor=cfg.monitor,
        mode=cfg.monitor_mode,
        early_stopping=early_stopping(cfg),
        target=cfg.target_score,
        clip=cfg.trainer.gradient_clip_val,
    )


def _epochs(cfg: DictConfig, steps: int) -> int:
    """The epochs of a fit, of so many steps each, that ends at the last epoch or at `trainer.max_steps`.

    Raises:
        Alone: It ends within an epoch.
    """
    epochs, limit = int(cfg.trainer.max_epochs), int(cfg.trainer.max_steps)
    if limit == -1 or limit >= epochs * steps:
        return epochs
    if limit % steps or not limit:
        raise Alone(f"trainer.max_steps={limit} is not the end of an epoch of {steps} steps")
    return limit // steps


def _configured(
    objective: Objective, model: AbstractModule, total_steps: Callable[[], float], mode: str | None
) -> tuple[Any, list[Any]]:
    """The optimizer, and its schedules as Lightning keeps them."""
    configured: Any = objective.configure(model, total_steps, mode)
    if not isinstance(configured, tuple):
        return configured, []
    (optimizer,), schedules = configured
    return optimizer, [
        LRSchedulerConfig(**schedule | {"reduce_on_plateau": isinstance(schedule["scheduler"], ReduceLROnPlateau)})
        for schedule in schedules
    ]
