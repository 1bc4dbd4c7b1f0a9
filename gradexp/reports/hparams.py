"""TensorBoard's HPARAMS tab: flat, typed settings, and the final metrics of a run."""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams as hparams_summary

from gradexp.engine.event_files import HPARAMS
from gradexp.engine.event_writer import EventWriter
from gradexp.objective.optimizers import class_name, learning_rate

Setting = str | float | int | bool


# Keys of the configuration whose columns have other names.
COLUMNS = {
    **{f"{group}._target_": group for group in ("model", "data", "loss", "optimizer", "scheduler")},
    **{f"model.{name}": name for name in ("hidden", "activation", "output_activation", "init", "dropout")},
    **{f"optimizer.{name}": name for name in ("lr", "momentum", "weight_decay")},
    **{f"regularizer.{name}": name for name in ("l1", "l2")},
    **{f"data.{name}": name for name in ("batch_size", "fold", "split_seed")},
    **{f"trainer.{name}": name for name in ("max_epochs", "precision")},
    "seed": "seed",
}
# The sections all of which are hyperparameters; of data and trainer only what has a column above, and which data it is.
SECTIONS = ("model", "loss", "optimizer", "scheduler", "regularizer", "augmentation")
GROUPS = (*SECTIONS, "data")


def hyperparameters(
    config: dict[str, Any],
    data: str,
    resumed: Iterable[Mapping[str, Any]] = (),
    varied: Mapping[str, Any] = MappingProxyType({}),
    typed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Setting]:
    """The columns of the HPARAMS tab: the settings of a single run; of a sweep's job, those typed for the sweep.

    TensorBoard shows the first few columns: of those that differ between the rows, then of the others, by name. So
    what is equal in all jobs stands last, and first beside another sweep's jobs, where it differs.

    Args:
        config: A resolved configuration.
        data: The name of its data source.
        resumed: The settings that changed when the run was resumed, as in metrics.json.
        varied: What the run's sweep varies, by key, with the values of this run.
        typed: What was typed for this run of a sweep, by key; of it only hyperparameters have columns.

    A column has one type in all runs: TensorBoard shows the numbers of a column with a None as text. A setting that a
    run does not have, such as the activation of a linear model, is left out, and its cell is empty.
    """
    model, optimizer = config["model"], config["optimizer"]
    fold, split_seed = config["data"].get("fold"), config["data"].get("split_seed")
    rate = learning_rate(optimizer, config["trusted_packages"])
    columns: dict[str, Setting | None] = {
        "experiment": str(config["name"]),
        "data": data,
        "model": str(model["_target_"]).rpartition(".")[2],
        "hidden": ("-".join(map(str, model["hidden"])) or "none") if "hidden" in model else None,
        "activation": str(model["activation"]) if "activation" in model else None,
        "output_activation": str(model["output_activation"] or "none") if "output_activation" in model else None,
        "init": str(model["init"]) if "init" in model else None,
        "dropout": float(model.get("dropout", 0.0)),
        "loss": class_name(config["loss"]) or "default",
        "optimizer": class_name(optimizer) or "own",
        "lr": None if math.isnan(rate) else rate,
        "momentum": float(optimizer.get("momentum", 0.0)),
        "weight_decay": float(optimizer.get("weight_decay", 0.0)),
        "scheduler": class_name(config["scheduler"]) or "none",
        "l1": float(config["regularizer"]["l1"]),
        "l2": float(config["regularizer"]["l2"]),
        "batch_size": int(config["data"]["batch_size"] or 0) if "batch_size" in config["data"] else None,  # 0: all
        "augmentation": " ".join(f"{key}={value}" for key, value in (config["augmentation"] or {}).items()) or "none",
        "max_epochs": int(config["trainer"]["max_epochs"]),
        "precision": str(config["trainer"]["precision"]),
        "seed": int(config["seed"]),
        "fold": None if fold is None else f"{fold} of {config['data'].get('folds')}",
        # By default a single split follows the seed, and folds are those of seed 0.
        "split_seed": (None if fold is None else 0) if split_seed is None else int(split_seed),
        "resumed": changes_in_words(resumed) or None,
    }
    found = {name: value for name, value in columns.items() if value is not None}
    if not varied:
        return found
    # Columns of the defaults, equal in all rows, would fill the few that TensorBoard shows.
    shown = {name: value for name, value in found.items() if name in ("experiment", "resumed")}
    # Of a group, such as optimizer=sgd,momentum, the options typed: two may be of one class.
    fixed = {
        key: option if key in GROUPS else _value(config, key)
        for key, option in typed.items()
        if key in (*GROUPS, *COLUMNS) or key.startswith(tuple(f"{section}." for section in SECTIONS))
    }
    for key, value in (fixed | dict(varied)).items():
        name = COLUMNS.get(key, key)
        shown[name] = found[name] if key in COLUMNS and name in found else _cell(value)
    return shown


def _value(config: Mapping[str, Any], key: str) -> Any:
    """The value of a key in full; None if there is none."""
    section: Any = config
    for part in key.split("."):
        section = section.get(part) if isinstance(section, Mapping) else None
    return section


def _cell(value: Any) -> Setting:
    """A value as TensorBoard shows it best: of a bool it would show 1.0000."""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def changes_in_words(resumed: Iterable[Mapping[str, Any]]) -> str:
    """The settings that changed when a run was resumed, such as "optimizer.lr 0.1, from step 78 on 0.5"."""
    return "; ".join(f"{one['key']} {one['old']}, from step {one['step']} on {one['new']}" for one in resumed)


def write_hparams(
    writer: SummaryWriter,
    settings: dict[str, Any],
    metrics: dict[str, float],
    step: int,
    logged: Collection[str],
    *,
    succeeded: bool,
) -> None:
    """Write the settings, and the final metrics as scalars, which are the metrics of the tab.

    Args:
        writer: The run's writer.
        settings: See `hyperparameters`.
        metrics: The final metrics.
        step: The last step.
        logged: Metrics that have a value at this step already, which is not repeated.
        succeeded: Whether the run completed; a diverged run did not.
    """
    for name, value in metrics.items():
        if name not in logged and not name.startswith(("val/", "test/", "val_", "test_")):  # these were logged
            writer.add_scalar(name, value, step)
    writer.flush()  # TensorBoard stops reading a file when there is a later one
    write_row(Path(writer.log_dir), settings, succeeded=succeeded)


def write_row(folder: Path, settings: dict[str, Any], suffix: str = HPARAMS, *, succeeded: bool) -> None:
    """Write a run's row of the tab into a separate event file in the folder of the others.

    It replaces an earlier one with this suffix: TensorBoard shows the first settings that it finds in a run. The
    columns are not declared: TensorBoard would take those that the first run declares for all runs. Undeclared, they
    are the settings and the scalars of all runs.
    """
    for path in folder.glob(f"*{suffix}"):
        path.unlink()
    with EventWriter(str(folder), filename_suffix=suffix) as writer:
        _, start, end = hparams_summary(settings, {})  # type: ignore[no-untyped-call]
        if not succeeded:
            plugin = end.value[0].metadata.plugin_data
            session = HParamsPluginData.FromString(plugin.content)
            session.session_end_info.status = STATUS_FAILURE
            plugin.content = session.SerializeToString()
        for summary in (start, end):
            writer._get_file_writer().add_summary(summary)
