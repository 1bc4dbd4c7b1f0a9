"""Measures bias and variance of a configured model by training copies of it on many training sets at once."""

import time
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from matplotlib.figure import Figure
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from gradexp import figures
from gradexp.app.assembly import build_data, build_model
from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.adapt import adapt
from gradexp.app.tasks.cards import write_config
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.callbacks.publication import FOLDER, write_figure
from gradexp.configuration.values import changed, plain
from gradexp.configuration.yaml_text import to_yaml
from gradexp.data import AbstractDataModule, PolynomialData
from gradexp.engine.event_writer import EventWriter
from gradexp.engine.stack.batches import Samples
from gradexp.engine.stack.fit import StackFit
from gradexp.engine.stack.group_updates import steps_by_gradients
from gradexp.engine.stack.member import Member
from gradexp.engine.stack.network import why_not_stacked
from gradexp.engine.stack.outputs import StackedOutputs
from gradexp.engine.threads import choose_threads, operations_per_step
from gradexp.models import AbstractModule
from gradexp.randomness import generator, mix, seed_generators
from gradexp.reports.bias_variance import BELOW_ZERO, Decomposition, of_probabilities, of_squared_error, of_votes
from gradexp.reports.hparams import hyperparameters, write_hparams
from gradexp.reports.results_table import results_table
from gradexp.sweeps.plan.run_name import event_folder_of_job, settings_of_job, typed_in_job

POINTS = 2000  # at which the error is measured where the data's law is known
GRID = 200  # values of x in the figure
MONITOR = "val/error"


def bias_variance(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Train `resampling.copies` models, each on its own training set, and decompose their error.

    If the data's law is known, the training sets are drawn from it, and truth and noise are known. Otherwise they are
    drawn from the training part, and the error is measured on the validation part.

    Raises:
        ValueError: The configuration or the data is not usable.
    """
    data = build_data(cfg)
    cfg, notes = adapt(cfg, data)
    # This task has its own metric, whatever is monitored otherwise.
    cfg = changed(cfg, {"monitor": MONITOR, "monitor_mode": "min"})
    notes = [note for note in notes if "monitor" not in note]
    _check(cfg, data)
    data.prepare_data()
    data.setup("fit")
    models = [_model(cfg, data, number) for number in range(cfg.resampling.copies)]
    if not isinstance(models[0], AbstractModule) or models[0].has_own_gradients:
        name = type(models[0]).__name__
        raise ValueError(
            f"model must be one of gradexp's models that learn by gradients for task=bias_variance; got {name}."
        )
    reason = why_not_stacked(models[0].network)
    if reason is not None:
        raise ValueError(f"model must be one that can be trained many at once for task=bias_variance; {reason}.")
    record.write(cfg)
    device = _device(cfg)
    inputs, targets = (part.to(device) for part in data.resample(cfg.resampling.copies, cfg.resampling.size))
    operations = operations_per_step(models[0], inputs[0, :1].cpu(), data.batch_size or inputs.shape[1]) * len(models)
    torch.set_num_threads(choose_threads(cfg.threads, operations if device.type == "cpu" else 0))
    members = [
        _member(cfg, data, model.to(device), inputs[number], targets[number], number)
        for number, model in enumerate(models)
    ]
    if not steps_by_gradients(members[0].optimizer):
        name = type(members[0].optimizer).__name__
        raise ValueError(f"optimizer must be one that steps by gradients alone for task=bias_variance; got {name}.")
    started = time.perf_counter()
    _train(cfg, members, data.batch_size is None or data.batch_size >= targets.shape[1], console)
    diverged = [member.diverged for member in members if member.diverged]
    if diverged:
        reason = f"{len(diverged)} of {len(members)} models, one of them {diverged[0]}"
        return Outcome({"status": "diverged", "reason": reason, **facts(data, models[0])}, [f"diverged: {reason}"])
    seconds = time.perf_counter() - started
    outputs = StackedOutputs(members)
    split, metrics = _decompose(cfg, data, models[0], outputs, device)
    metrics |= {"val/bias2": split.bias2, "val/variance": split.variance}
    metrics |= {} if split.noise is None else {"val/noise": split.noise}
    metrics |= {"val/sum": split.total, MONITOR: split.error, "val/error_se": split.error_se}
    with torch.no_grad():
        metrics["train/error"] = _squared_error(models[0], outputs(inputs), targets)
    final = {name: metrics[name] for name in sorted(metrics)}
    shape = {"resampling/copies": len(models), "resampling/samples": targets.shape[1]}
    figure = _fits_figure(data, outputs, targets, device) if cfg.figures else None
    _write_events(cfg, record.folder, data, final, figure)
    note = f"{len(models)} models, each trained on its own {targets.shape[1]:,} samples"
    outcome = {"status": "completed", **final, **shape, "seconds/fit": seconds, **facts(data, models[0])}
    return Outcome(outcome, [*data.notes, *notes, note, *([BELOW_ZERO] if split.bias2 < 0 else [])])


def _check(cfg: DictConfig, data: AbstractDataModule) -> None:
    """Refuse settings that training all copies in one batched program does not support."""
    if not data.num_features:
        raise ValueError(f"data must have samples for task=bias_variance; got {type(data).__name__}, which has none.")
    if not data.holds_out and not isinstance(data, PolynomialData):
        raise ValueError("data.val_size must be above 0 for task=bias_variance, which measures the error there; got 0.")
    for key, value, allowed in (
        ("augmentation", plain(cfg).get("augmentation") or None, None),
        ("metrics", plain(cfg)["metrics"] or None, None),
        ("callbacks", plain(cfg)["callbacks"] or None, None),
        ("logger", plain(cfg)["logger"] or None, None),
        ("scheduler", cfg.scheduler._target_, None),
        ("trainer.gradient_clip_val", cfg.trainer.gradient_clip_val, None),
        ("trainer.accumulate_grad_batches", cfg.trainer.accumulate_grad_batches, 1),
        ("trainer.max_steps", cfg.trainer.max_steps, -1),
        ("model.backward", cfg.model.get("backward", "autograd"), "autograd"),
    ):
        if value != allowed:
            rule = "none" if allowed is None else allowed
            raise ValueError(f"{key} must be {rule} for task=bias_variance; got {value}.")


def _model(cfg: DictConfig, data: AbstractDataModule, number: int) -> AbstractModule:
    seed_generators(mix("ensemble/init", cfg.seed, number), torch.device("cpu"))  # where weights are drawn
    return build_model(cfg, data)


def _device(cfg: DictConfig) -> torch.device:
    """The device that a Trainer of this accelerator would use."""
    trainer = Trainer(
        accelerator=cfg.trainer.accelerator, devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    return trainer.strategy.root_device


def _member(
    cfg: DictConfig, data: AbstractDataModule, model: AbstractModule, inputs: Tensor, targets: Tensor, number: int
) -> Member:
    """A model's fit on its own samples, in its own order."""
    model.balance_loss(data.train_targets)
    samples, batch_size = len(targets), data.batch_size

    def batches(epoch: int) -> list[Tensor]:
        if batch_size is None or batch_size >= samples:
            return [torch.arange(samples, device=inputs.device)] * data.repeat
        streams = [generator("ensemble/order", cfg.seed, number, epoch * data.repeat + n) for n in range(data.repeat)]
        orders = [torch.randperm(samples, generator=stream).to(inputs.device) for stream in streams]
        return [batch for order in orders for batch in torch.split(order, batch_size)]

    objective = model.objective
    return Member(
        network=model.network,
        loss=model.loss,
        loss_module=objective.loss,
        optimizer=objective.build_optimizer(model),
        schedules=[],
        penalties=objective.penalties,
        proximal=objective.proximal,
        train=Samples(inputs, targets, batches),
        val=None,
        seed=mix("ensemble/dropout", cfg.seed, number),
        max_epochs=cfg.trainer.max_epochs,
        monitor="train/loss",
        mode="min",
    )


def _train(cfg: DictConfig, members: list[Member], is_full_batch: bool, console: Console) -> None:
    """Train all models at once, with a progress bar."""
    bar = ProgressBar(console if cfg.progress and console.is_terminal else Console(quiet=True))
    fit = StackFit(members, {}, log_every_n_steps=0, is_full_batch=is_full_batch)

    def after_epoch() -> None:
        if bar.is_due():
            bar.draw(f"{len(members)} models", fit.epochs, cfg.trainer.max_epochs)

    try:
        fit.run(after_epoch)
    finally:
        bar.end()


def _decompose(
    cfg: DictConfig, data: AbstractDataModule, model: AbstractModule, networks: StackedOutputs, device: torch.device
) -> tuple[Decomposition, dict[str, float]]:
    """The parts of the squared error, and of a classifier also those of the 0-1 error as metrics."""
    if isinstance(data, PolynomialData):
        x, _, truth = data.draw(POINTS, "polynomial/points")
        outputs = networks.on_all(data.features(x).to(device)).cpu()
        generator = torch.Generator().manual_seed(mix("polynomial/measured", cfg.seed))
        noisy = truth + data.noise * torch.randn(outputs.shape, generator=generator)
        return of_squared_error(outputs, truth, noisy, data.noise**2), {}
    inputs, targets = data.held_out()
    outputs = networks.on_all(inputs.to(device)).cpu()
    if not data.classes:
        return of_squared_error(outputs, targets, targets.unsqueeze(0), noise=None), {}
    probabilities = torch.stack([model.predictions(one) for one in outputs])
    votes = of_votes(probabilities.argmax(dim=2), targets)
    mistakes = {"val/bias_01": votes.bias, "val/variance_01": votes.variance, "val/error_01": votes.error}
    return of_probabilities(probabilities, targets), mistakes


def _squared_error(model: AbstractModule, outputs: Tensor, targets: Tensor) -> float:
    """Mean squared distance between outputs and targets [models, samples, ...], each model on its training set."""
    if targets.is_floating_point():
        return (outputs - targets).square().sum(dim=2).mean().item()
    probabilities = torch.stack([model.predictions(one) for one in outputs])
    one_hot = torch.nn.functional.one_hot(targets, probabilities.shape[2])
    return (probabilities - one_hot).square().sum(dim=2).mean().item()


def _write_events(
    cfg: DictConfig, folder: Path, data: AbstractDataModule, metrics: dict[str, float], figure: Figure | None
) -> None:
    """Write metrics, figure and hyperparameters to TensorBoard, which draws each scalar as a curve.

    So only the monitor is one, as the metric of the tab HPARAMS; all metrics are in the table of results.
    """
    with EventWriter(str(event_folder_of_job(folder))) as writer:
        write_config(writer, to_yaml(cfg, resolve=True), folder)
        writer.add_text("results", results_table(metrics))
        writer.add_scalar(MONITOR, metrics[MONITOR], 0)
        if figure is not None:
            write_figure(folder, f"{FOLDER}/fits", figure, writer)
        varied, typed = settings_of_job(folder), typed_in_job(folder)
        settings = hyperparameters(plain(cfg), type(data).__name__, varied=varied, typed=typed)
        write_hparams(writer, settings, {}, 0, (), succeeded=True)


def _fits_figure(
    data: AbstractDataModule, networks: StackedOutputs, targets: Tensor, device: torch.device
) -> Figure | None:
    """The models as functions of x, for data with a single x; None for other data."""
    if not isinstance(data, PolynomialData):
        return None
    x = torch.linspace(0, 1, GRID)
    lines = networks.on_all(data.features(x).to(device))[:, :, 0].cpu().numpy()
    first, _, _ = data.draw(targets.shape[1], "polynomial/resample", 0)
    sample = (first.numpy(), targets[0, :, 0].cpu().numpy())
    return figures.resampled_fits(x.numpy(), lines, data.truth(x)[:, 0].numpy(), sample, f"degree {data.degree}")
