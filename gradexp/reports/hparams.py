"""TensorBoard's HPARAMS tab: a fixed, flat, typed set of settings, and the final metrics of a run."""

from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams as hparams_summary

from gradexp.objective.optimizers import class_name, learning_rate

SUFFIX = ".hparams"  # of the event file with the settings, which a resumed run replaces


def hyperparameters(config: dict[str, Any], data: str) -> dict[str, str | float | int | bool]:
    """The columns of the HPARAMS tab, for a resolved configuration and the name of its data source.

    All runs have the same columns, each of one type: TensorBoard drops keys that the first run lacks, and shows the
    numbers of a column with a None as text.
    """
    model, optimizer = config["model"], config["optimizer"]
    return {
        "experiment": str(config["name"]),
        "data": data,
        "model": str(model["_target_"]).rpartition(".")[2],
        "hidden": "-".join(map(str, model.get("hidden", []))),
        "activation": str(model.get("activation", "")),
        "output_activation": str(model.get("output_activation") or ""),
        "init": str(model.get("init", "")),
        "dropout": float(model.get("dropout", 0.0)),
        "loss": class_name(config["loss"]) or "default",
        "optimizer": class_name(optimizer) or "own",
        "lr": learning_rate(optimizer, config["trusted_packages"]),
        "momentum": float(optimizer.get("momentum", 0.0)),
        "weight_decay": float(optimizer.get("weight_decay", 0.0)),
        "scheduler": class_name(config["scheduler"]) or "none",
        "l1": float(config["regularizer"]["l1"]),
        "l2": float(config["regularizer"]["l2"]),
        "batch_size": int(config["data"].get("batch_size") or 0),  # 0: full batches
        "augmentation": bool(config["augmentation"]),
        "max_epochs": int(config["trainer"]["max_epochs"]),
        "precision": str(config["trainer"]["precision"]),
        "seed": int(config["seed"]),
    }


def write_hparams(writer: SummaryWriter, settings: dict[str, Any], metrics: dict[str, float], step: int) -> None:
    """Write the settings, and the final metrics under the tags that they have as scalars."""
    for name, value in metrics.items():
        if not name.startswith(("val/", "test/", "val_", "test_")):  # these are logged already
            writer.add_scalar(name, value, step)
    writer.flush()  # TensorBoard stops reading a file when there is a later one
    write_row(Path(writer.log_dir), settings, metrics)


def write_row(folder: Path, settings: dict[str, Any], metrics: dict[str, float], suffix: str = SUFFIX) -> None:
    """Write a run's row of the tab, settings and metrics, into a separate event file in the folder of the others.

    It replaces an earlier one with this suffix: TensorBoard shows the first settings that it finds in a run.
    """
    for path in folder.glob(f"*{suffix}"):
        path.unlink()
    with SummaryWriter(str(folder), filename_suffix=suffix) as writer:
        for summary in hparams_summary(settings, metrics):  # type: ignore[no-untyped-call]
            writer._get_file_writer().add_summary(summary)
