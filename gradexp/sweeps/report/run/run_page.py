"""The page of a run: settings, curves, diagnosis, errors, calibration, weights, costs, and how to repeat it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradexp.reports.diagnosis import diagnose
from gradexp.reports.examination import Examination
from gradexp.reports.units import explained, unit
from gradexp.rules.words import counted, duration
from gradexp.sweeps.plan.axes import text
from gradexp.sweeps.report.page_parts import PAPERS, Shown, foot, in_base64, number, paper_links, write_html
from gradexp.sweeps.report.run import drawn_run
from gradexp.sweeps.report.run.judgement import judge
from gradexp.sweeps.report.run.run_figures import curve_figure, curve_groups, curve_key
from gradexp.sweeps.report.run.run_files import COMMAND, LAST, RunFiles, changed_keys
from gradexp.sweeps.report.run.weights import Weights, weights
from gradexp.verdicts.proportion import wilson

STAGES = {"best/train/": "training, tested weights", "best/val/": "validation, tested weights", "test/": "test",
          "train/": "training, last epoch", "val/": "validation, last epoch"}  # fmt: skip
MOST_PICTURES = 12
LARGEST = 4 * 2**20  # bytes of a picture
DRAWN_HERE = (
    "loss_curve", "test_confusion_matrix", "test_most_wrong", "weights_first_layer", "test_predicted_against_true",
)  # fmt: skip


def diagnosis_of(run: RunFiles) -> str:
    """The diagnosis in words; why there is none otherwise."""
    found = diagnose(run.metrics, run.curves, run.config)
    if found is not None:
        return str(found)
    if run.status != "completed":
        return f"no diagnosis: the run is {run.status}, and has no final scores"
    return "no diagnosis: it needs scores of training and validation, which the run has not"


def write_run_page(
    run: RunFiles, default: Mapping[str, Any], examination: Examination | None, notes: Sequence[str]
) -> Path:
    """Write ``report.html`` into the run's folder, atomically.

    Args:
        run: The run.
        default: The flat default configuration.
        examination: Its predictions; None if there are none.
        notes: What is left out, and why.
    """
    figures, panels = {}, []
    for name, group in curve_groups(run.curves, str(run.metrics.get("monitor", run.config.get("monitor")))).items():
        key = curve_key(name)
        figures[key] = curve_figure(name, group, run.metrics)
        files = drawn_run.links(key, drawn_run.curve_figure(name, group, run.metrics))
        panels.append(Shown(key, name, _curve_words(group, run.metrics), files))
    judged = judge(examination) if examination is not None else None
    of_weights, notes = _weights(run, examination, notes)
    return write_html(
        run.folder,
        "run",
        figures | (judged.figures if judged else {}),
        run=run,
        status=_status(run),
        reason=run.metrics.get("reason", ""),
        commands=run.commands,
        resume=shlex.join([*COMMAND, "task=train", f"ckpt_path={text(str(run.folder / LAST))}"])
        if run.status == "interrupted" and (run.folder / LAST).is_file()
        else "",
        scores=_scores(run.metrics),
        diagnosis=diagnosis_of(run),
        changed=changed_keys(run.config, default) if run.config else [],
        curves=panels,
        judged=judged,
        weights=of_weights,
        costs=_costs(run),
        pictures=_pictures(run.folder, judged is not None),
        notes=notes,
        foot=foot([(run.folder, run.metrics)]),
    )


def _status(run: RunFiles) -> str:
    epochs, steps = run.metrics.get("epochs"), run.metrics.get("steps")
    trained = f", after {counted(epochs, 'epoch')} and {counted(steps, 'step')}" if epochs is not None and steps else ""
    said = {"running": "still running: this page shows what there is so far",
            "interrupted": "interrupted: it has not ended, and this page shows what it left"}  # fmt: skip
    return said.get(run.status, run.status) + trained


def _scores(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The scores by what they were measured on."""
    found = []
    for prefix, title in STAGES.items():
        named = {key: value for key, value in metrics.items() if key.startswith(prefix) and _is_number(value)}
        words = [f"{_score(key[len(prefix) :], value)}{unit(key, metrics)}" for key, value in named.items()]
        if words:
            found.append((title, ", ".join(words)))
    accuracy, samples = metrics.get("test/accuracy"), metrics.get("samples/test")
    if accuracy is not None and samples:
        low, high = wilson(accuracy * samples, samples)
        found.append(("on other samples", f"test accuracy {low:.2%} to {high:.2%} (95 %, Wilson)"))
    units = explained(metrics)
    return found + [("units", units)] * bool(units)


def _score(name: str, value: float) -> str:
    return f"{name} {f'{value:.2%}' if name == 'accuracy' else number(float(value))}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _curve_words(group: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    words = ["Dotted: training."] if any(tag.startswith("train/") for tag in group) and len(group) > 1 else []
    if "best/step" in metrics and any(tag.startswith("val/") for tag in group):
        words.append(f"Dashed: the weights that are tested, of step {metrics['best/step']:,}.")
    return " ".join(words)


def _weights(run: RunFiles, examination: Examination | None, notes: Sequence[str]) -> tuple[Weights | None, list[str]]:
    """The weights, and the notes with the reason if there are none."""
    if run.checkpoint is None:
        return None, [*notes, "no weights: the folder has no checkpoint"]
    try:
        return weights(run.checkpoint, examination), list(notes)
    except ValueError as error:
        return None, [*notes, f"no weights: {error}"]


def _costs(run: RunFiles) -> list[tuple[str, str]]:
    """Seconds, samples, parameters and memory."""
    metrics = run.metrics
    seconds = {key.partition("/")[2]: value for key, value in metrics.items() if key.startswith("seconds/")}
    said = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    found = [("seconds", said)] if seconds else []
    if seconds.get("fit") and metrics.get("steps"):
        found.append(("milliseconds a step", f"{1000 * seconds['fit'] / metrics['steps']:.3g}, with validation"))
    memory = metrics.get("memory/peak_mib")
    found.append(("memory", f"{memory:,.0f} MiB at most" if memory else "not measured; report=true measures it"))
    gpu = metrics.get("memory/gpu_peak_mib")
    found += [("memory of the GPU", f"{gpu:,.0f} MiB at most")] if gpu else []
    if run.checkpoint is not None:
        found.append(("checkpoint", f"{run.checkpoint.name}, {run.checkpoint.stat().st_size / 2**20:.2f} MiB"))
    found += [("parameters", f"{metrics['parameters']:,}")] if "parameters" in metrics else []
    sizes = [f"{key.partition('/')[2]} {value:,}" for key, value in metrics.items() if key.startswith("samples/")]
    found += [("data", f"{metrics['data']}{': ' * bool(sizes)}{', '.join(sizes)}")] if "data" in metrics else []
    return found + ([("threads", str(metrics["threads"]))] if "threads" in metrics else [])


def _pictures(folder: Path, is_judged: bool) -> dict[str, dict[str, Any]]:
    """The figures that the run has drawn by itself, in base64; those that the page draws are left out.

    Those that it has written as SVG and PDF too have links to these.
    """
    paths = sorted(path for path in (folder / "figures").glob("*.png") if path.stat().st_size <= LARGEST)
    shown = [path for path in paths if path.stem not in (DRAWN_HERE if is_judged else DRAWN_HERE[:1])]
    return {
        path.stem.replace("_", " "): {"png": in_base64(path.read_bytes()), "links": _links_beside(path)}
        for path in shown[:MOST_PICTURES]
    }


def _links_beside(path: Path) -> list[dict[str, str]]:
    """The SVG and PDF files of the same figure, as links."""
    files = {kind: path.with_suffix(f".{kind}") for kind in PAPERS}
    found = {kind: one for kind, one in files.items() if one.is_file() and one.stat().st_size <= LARGEST}
    return paper_links(path.stem, {kind: one.read_bytes() for kind, one in found.items()})
