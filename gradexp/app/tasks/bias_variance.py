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
from gradexp.app.tasks.outcome import Outcome, facts
from gradexp.callbacks.progress_bar import ProgressBar
from gradexp.callbacks.publication import write_figure
from gradexp.configuration.values import changed, plain
from gradexp.data import AbstractDataModule, PolynomialData
from gradexp.engine.ensembles import Ensemble, train_copies
from gradexp.engine.event_writer import EventWriter
from gradexp.engine.threads import choose_threads, operations_per_step
from gradexp.models import AbstractModule
from gradexp.randomness import mix, seed_generators
from gradexp.reports.bias_variance import BELOW_ZERO, Decomposition, of_probabilities, of_squared_error, of_votes
from gradexp.reports.hparams import hyperparameters, write_hparams

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
    record.write(cfg)
    device = _device(cfg)
    inputs, targets = (part.to(device) for part in data.resample(cfg.resampling.copies, cfg.resampling.size))
    operations = operations_per_step(models[0], inputs[0, :1].cpu(), data.batch_size or inputs.shape[1]) * len(models)
    torch.set_num_threads(choose_threads(cfg.threads, operations if device.type == "cpu" else 0))
    models[0].balance_loss(data.train_targets)
    models[0].objective.to(device)
    ensemble = Ensemble([model.network.to(device) for model in models])
    started = time.perf_counter()
    try:
        _train(cfg, data, models[0], ensemble, inputs, targets, console)
    except ArithmeticError as error:
        return Outcome({"status": "diverged", "reason": str(error), **facts(data, models[0])}, [f"diverged: {error}"])
    seconds = time.perf_counter() - started
    split, metrics = _decompose(cfg, data, models[0], ensemble, device)
    metrics |= {"val/bias2": split.bias2, "val/variance": split.variance}
    metrics |= {} if split.noise is None else {"val/noise": split.noise}
    metrics |= {"val/sum": split.total, MONITOR: split.error, "val/error_se": split.error_se}
    with torch.no_grad():
        metrics["train/error"] = _squared_error(models[0], ensemble(inputs), targets)
    final = {name: metrics[name] for name in sorted(metrics)}
    shape = {"resampling/copies": len(models), "resampling/samples": targets.shape[1]}
    figure = _fits_figure(data, ensemble, targets, device) if cfg.figures else None
    _write_events(cfg, record.folder, data, final, figure)
    note = f"{len(models)} models, each trained on its own {targets.shape[1]:,} samples"
    outcome = {"status": "completed", **final, **shape, "seconds/fit": seconds, **facts(data, models[0])}
    return Outcome(outcome, [*data.notes, *notes, note, *([BELOW_ZERO] if split.bias2 < 0 else [])])


def _check(cfg: DictConfig, data: AbstractDataModule) -> None:
    """Refuse settings that training all copies in one batched program does not support."""
    if not data.num_features:
        raise ValueError(f"data must have samples for task=bias_variance; got {type(data).__name__}, which has none.")
    if data.val_size == 0 and not isinstance(data, PolynomialData):
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


def _train(
    cfg: DictConfig,
    data: AbstractDataModule,
    model: AbstractModule,
    ensemble: Ensemble,
    inputs: Tensor,
    targets: Tensor,
    console: Console,
) -> None:
    """Train all copies at once, with a progress bar."""
    epochs, done = cfg.trainer.max_epochs * data.repeat, 0
    bar = ProgressBar(console if cfg.progress and console.is_terminal else Console(quiet=True))

    def after_epoch() -> None:
        nonlocal done
        done += 1
        if bar.is_due():
            bar.draw(f"{len(targets)} models", done, epochs)

    full = data.batch_size is None or data.batch_size >= targets.shape[1]
    try:
        train_copies(
            ensemble, model.loss, inputs, targets, epochs=epochs, batch_size=None if full else data.batch_size,
            objective=model.objective, seed=cfg.seed, after_epoch=after_epoch,
        )  # fmt: skip
    finally:
        bar.end()


def _decompose(
    cfg: DictConfig, data: AbstractDataModule, model: AbstractModule, ensemble: Ensemble, device: torch.device
) -> tuple[Decomposition, dict[str, float]]:
    """The parts of the squared error, and of a classifier also those of the 0-1 error as metrics."""
    if isinstance(data, PolynomialData):
        x, _, truth = data.draw(POINTS, "polynomial/points")
        outputs = ensemble.on_all(data.features(x).to(device)).cpu()
        generator = torch.Generator().manual_seed(mix("polynomial/measured", cfg.seed))
        noisy = truth + data.noise * torch.randn(outputs.shape, generator=generator)
        return of_squared_error(outputs, truth, noisy, data.noise**2), {}
    inputs, targets = data.held_out()
    outputs = ensemble.on_all(inputs.to(device)).cpu()
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
    """Write metrics, figure and hyperparameters to TensorBoard."""
    with EventWriter(str(folder / "tensorboard")) as writer:
        for name, value in metrics.items():
            writer.add_scalar(name, value, 0)
        if figure is not None:
            write_figure(folder, "fits", figure, writer)
        write_hparams(writer, hyperparameters(plain(cfg), type(data).__name__), metrics, 0, metrics, succeeded=True)


def _fits_figure(data: AbstractDataModule, ensemble: Ensemble, targets: Tensor, device: torch.device) -> Figure | None:
    """The models as functions of x, for data with a single x; None for other data."""
    if not isinstance(data, PolynomialData):
        return None
    x = torch.linspace(0, 1, GRID)
    lines = ensemble.on_all(data.features(x).to(device))[:, :, 0].cpu().numpy()
    first, _, _ = data.draw(targets.shape[1], "polynomial/resample", 0)
    sample = (first.numpy(), targets[0, :, 0].cpu().numpy())
    return figures.resampled_fits(x.numpy(), lines, data.truth(x)[:, 0].numpy(), sample, f"degree {data.degree}")
