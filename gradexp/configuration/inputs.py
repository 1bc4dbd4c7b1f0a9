"""Checks that the files and folders exist that a configuration reads: before torch is imported, which takes seconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradexp.configuration.other_options import TABLES
from gradexp.engine.checkpoint_path import NAMES, no_checkpoint, not_zip
from gradexp.rules import did_you_mean

OF_DATA = {
    "gradexp.data.Table": ("a CSV or Parquet file", True),
    "gradexp.data.ImageFolder": ("a folder with one folder a class", False),
}


def check_inputs(node: Mapping[str, Any]) -> None:
    """Check the paths of a configuration, as plain data; the content of the files is checked when they are read.

    Raises:
        ValueError: There is no such file or folder.
    """
    task = node["task"]
    if node["ckpt_path"] is not None and task not in ("report", "compare", "explain"):
        _check_checkpoint("ckpt_path", Path(node["ckpt_path"]), NAMES[::-1] if task == "train" else NAMES)
    if node.get("init_from") is not None:
        _check_checkpoint("init_from", Path(node["init_from"]))
    if node["input"] is not None and task == "predict" and not Path(node["input"]).exists():
        raise ValueError(
            f"input must be a file, or a folder of them; there is no {node['input']}.{_near(node['input'])}"
        )
    if task == "compare":
        for folder in node["compare"]["folders"]:
            if not Path(folder).is_dir():
                raise ValueError(
                    f"compare.folders must be folders of multiruns and of runs; there is no {folder}.{_near(folder)}"
                )
    if node["ckpt_path"] is None and task not in ("report", "compare", "explain"):
        _check_data(node["data"])


def _check_checkpoint(key: str, path: Path, names: Sequence[str] = NAMES) -> None:
    if not path.is_file():
        raise ValueError(no_checkpoint(path, key, names, _near(str(path))))
    other_kind = not_zip(path, key)
    if other_kind:
        raise ValueError(other_kind)


def _check_data(data: Mapping[str, Any]) -> None:
    """Check the paths of the data modules that read the user's own files."""
    words, is_file = OF_DATA.get(str(data.get("_target_")), ("", False))
    for key in ("path", "test_path"):
        given = data.get(key)
        if not words or not isinstance(given, str):
            continue
        path = Path(given)
        if not (path.is_file() if is_file else path.is_dir()):
            what = f"is a folder.{_tables(path)}" if path.is_dir() else "is a file." if path.exists() else ""
            found = f"{path} {what}" if what else f"there is no {path}.{_near(given)}"
            raise ValueError(f"data.{key} must be {words}; {found}")


def _tables(folder: Path) -> str:
    names = [name for name in _names(folder) if Path(name).suffix.lower() in TABLES]
    return f" It holds {', '.join(names[:5])}." if names else ""


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:  # a folder that may not be read
        return []


def _near(given: str) -> str:
    """' Did you mean X?' for a similar name in the same folder; where its folder is missing, that."""
    path = Path(given)
    folder = path.parent
    if given in ("None", "none"):
        return " Did you mean null?"
    if not folder.is_dir():
        return f" There is no folder {folder} either."
    near = did_you_mean(path.name, _names(folder)).removeprefix(" Did you mean ").removesuffix("?")
    return f" Did you mean {folder / near}?" if near else ""
