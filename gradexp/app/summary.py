"""Prints the outcome of a run or of a sweep's job."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradexp.app.errors import printable
from gradexp.reports.units import explained, unit
from gradexp.rules.words import counted, duration
from gradexp.sweeps.job_folder import score_name

STATUS_STYLE = {"completed": "green", "diverged": "red", "failed": "red"}


def print_summary(console: Console, metrics: Mapping[str, Any], folder: str, notes: list[str]) -> None:
    """Print a run's outcome; the last line names its folder.

    Args:
        console: Where to print.
        metrics: The content of metrics.json.
        folder: The run's folder.
        notes: Further lines, such as why the run ended early.
    """
    table = Table.grid(padding=(0, 2))
    status = metrics["status"]
    # Names in rows are Text, in which square brackets are not markup.
    table.add_row("status", Text(status, style=STATUS_STYLE[status]))
    table.add_row("data", Text(f"{metrics['data']}{_sizes(metrics)}"))
    if "parameters" in metrics:
        table.add_row("parameters", f"{metrics['parameters']:,}")
    if "epochs" in metrics:
        table.add_row("trained", f"{counted(metrics['epochs'], 'epoch')}, {counted(metrics['steps'], 'step')}")
    seconds = {k.partition("/")[2]: v for k, v in metrics.items() if k.startswith("seconds/")}
    table.add_row("seconds", ", ".join(f"{name} {duration(value)}" for name, value in seconds.items()))
    _add_weights(table, metrics)
    last, best = metrics.get("epochs"), metrics.get("best/epoch")
    of_best = f", epoch {best}" if best is not None else ""
    _add_stage(table, metrics, "train", f"train over epoch {last}" if of_best else "train")
    if last != best or not of_best:
        _add_stage(table, metrics, "val", f"val, epoch {last}" if of_best else "val")
    for prefix in ("best/train", "best/val", "test"):
        _add_stage(table, metrics, prefix, prefix.removeprefix("best/") + of_best)
    _add_test_interval(table, metrics)
    if units := explained(metrics):
        table.add_row("units", Text(printable(units)))
    console.print(table)
    for note in map(printable, notes):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    # On one line, whatever the terminal's width, so that it can be copied and parsed.
    console.print(f"folder: {printable(folder)}", markup=False, highlight=False, soft_wrap=True)


def _add_stage(table: Table, metrics: Mapping[str, Any], prefix: str, label: str) -> None:
    # A user's own module may log val_loss instead of val/loss.
    values = {k: v for k, v in metrics.items() if k.startswith((f"{prefix}/", f"{prefix}_"))}
    shown = [f"{k[len(prefix) + 1 :]} {_number(k, v)}{printable(unit(k, metrics))}" for k, v in values.items()]
    if shown:
        table.add_row(label, Text("  ".join(shown)))


def _add_weights(table: Table, metrics: Mapping[str, Any]) -> None:
    """Which weights are tested, or would be: their epoch, and the score for which they were kept."""
    prefix = "weights" if "weights/epoch" in metrics else "best"
    epoch, name = metrics.get(f"{prefix}/epoch"), f"{prefix}/{metrics.get('monitor')}"
    if epoch is None:
        return
    score = ""
    if metrics.get(name) is not None:
        score = f", {metrics['monitor']} {_number(name, metrics[name])}{printable(unit(name, metrics))}"
    is_tested = any(key.startswith(("test/", "test_")) for key in metrics)
    table.add_row("tested weights" if is_tested else "best weights", Text(f"epoch {epoch}{score}"))


def _add_test_interval(table: Table, metrics: Mapping[str, Any]) -> None:
    """The accuracies that other test samples of the same kind may give this model, by Wilson's interval."""
    accuracy, samples = metrics.get("test/accuracy"), metrics.get("samples/test")
    if accuracy is None or not samples:
        return
    from gradexp.verdicts.proportion import wilson  # SciPy: not for --help

    low, high = wilson(accuracy * samples, samples)
    table.add_row("", Text(f"accuracy {low:.2%} to {high:.2%} on other samples (95 %)"))


def _sizes(metrics: Mapping[str, Any]) -> str:
    names = {"train": "training", "val": "validation", "test": "test"}
    sizes = [f"{metrics[f'samples/{part}']:,} {name}" for part, name in names.items() if f"samples/{part}" in metrics]
    return f" ({', '.join(sizes)} samples)" if sizes else ""


def _number(name: str, value: float) -> str:
    return f"{value:.2%}" if name.endswith("/accuracy") else f"{value:.4g}"


def print_job(console: Console, label: str, metrics: Mapping[str, Any], folder: str) -> None:
    """Print the outcome of a sweep's job on one line.

    Args:
        console: Where to print.
        label: The sweep's progress, and what distinguishes the job.
        metrics: The content of metrics.json.
        folder: The job's folder.
    """
    monitor = metrics.get("monitor", "")
    values = [
        f"{name} {_number(name, metrics[name])}"
        for name in (score_name(metrics), "test/" + monitor.partition("/")[2])
        if name in metrics
    ]
    reason = str(metrics.get("reason", "")).partition("\n")[0]
    parts = [label, metrics["status"], *values, *([reason] if reason else []), folder]
    console.print(printable("  ".join(parts)), markup=False, highlight=False, soft_wrap=True)
