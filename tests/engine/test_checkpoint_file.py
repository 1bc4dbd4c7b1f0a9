"""Checkpoint files are read as plain data, or refused with a reason."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gradexp.engine.checkpoint_file import check_architecture, read_checkpoint
from gradexp.engine.checkpoints import FORMAT


def content() -> dict[str, Any]:
    torch.manual_seed(0)
    weights = nn.Linear(3, 2).state_dict()
    return {"state_dict": weights, "config": {"seed": 0, "hidden": [3]}, "global_step": 12, "format": FORMAT}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    torch.save(content(), path)
    return path


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_checkpoint_is_read_as_saved(saved: Path) -> None:
    loaded, expected = read_checkpoint(str(saved)), content()
    assert loaded.keys() == expected.keys()
    assert (loaded["config"], loaded["global_step"]) == (expected["config"], 12)
    assert torch.equal(loaded["state_dict"]["weight"], expected["state_dict"]["weight"])


def test_the_message_for_a_missing_file_lists_the_files_beside_it(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no .*lats\.ckpt\. Beside it: .*last\.ckpt\."):
        read_checkpoint(str(saved.with_name("lats.ckpt")))
    with pytest.raises(ValueError, match=r"there is no .*RUN/checkpoints/"):
        read_checkpoint(str(saved.parent.parent / "nowhere" / "last.ckpt"))
    with pytest.raises(ValueError, match=r"is a folder\. Type ckpt_path="):
        read_checkpoint(str(saved.parent))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(saved: Path, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"ckpt_path must be a .*last\.ckpt is (truncated|damaged)"):
        read_checkpoint(str(saved))


@pytest.mark.parametrize(
    "text",
    [
        "<html>not found</html>",
        '{"epoch": 3}',
        # These begin with pickle opcodes that lack an operand, for which torch raises other exceptions.
        "a text\n",
        "Quick notes\n",
        "M",
    ],
)
def test_a_text_file_is_refused(saved: Path, text: str) -> None:
    saved.write_text(text)
    with pytest.raises(
        ValueError, match=r"^ckpt_path must be a checkpoint, a zip file .*last\.ckpt is none: it begins with"
    ):
        read_checkpoint(str(saved))


@pytest.mark.parametrize(
    ("foreign", "lacks"),
    [
        ({"epoch": 3}, "state_dict, config, global_step"),
        ({"state_dict": {}, "global_step": 3, "pytorch-lightning_version": "2.6"}, "config"),
        (torch.ones(3), "state_dict, config, global_step"),
        ([1, 2], "state_dict, config, global_step"),
    ],
    ids=["dictionary", "plain Lightning", "tensor", "list"],
)
def test_the_message_for_another_programs_file_names_the_missing_keys(saved: Path, foreign: Any, lacks: str) -> None:
    torch.save(foreign, saved)
    with pytest.raises(ValueError, match=rf"a checkpoint that gradexp wrote; .*last\.ckpt lacks {lacks}\."):
        read_checkpoint(str(saved))


@pytest.mark.parametrize("other", ["none", 1, FORMAT + 1])
def test_a_checkpoint_of_another_format_is_refused(saved: Path, other: int | str) -> None:
    written = {key: value for key, value in content().items() if key != "format"}
    torch.save(written if other == "none" else written | {"format": other}, saved)
    with pytest.raises(ValueError, match=rf"of format {FORMAT}; got .*last\.ckpt of format {other}\. .*Train anew\."):
        read_checkpoint(str(saved))


@pytest.mark.parametrize("bare", [False, True], ids=["torch file", "bare pickle"])
def test_code_in_a_checkpoint_is_not_run(saved: Path, bare: bool) -> None:
    created = saved.parent / "created"
    evil = content() | {"config": Trap(created)}
    if bare:
        saved.write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, saved)
    with pytest.raises(
        ValueError,
        match=r"a zip file.*and was not loaded" if bare else "objects whose loading could run code, and was not loaded",
    ):
        read_checkpoint(str(saved))
    assert not created.exists()
    # Loading the file with pickle does create the file.
    torch.load(saved, weights_only=False) if not bare else pickle.loads(saved.read_bytes())
    assert created.exists()


def network(width: int, depth: int = 2) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))


def test_the_same_architecture_passes() -> None:
    check_architecture({"state_dict": network(3).state_dict()}, network(3), "last.ckpt")


def test_the_message_names_up_to_three_different_shapes() -> None:
    with pytest.raises(ValueError, match="another architecture") as caught:
        check_architecture({"state_dict": network(3).state_dict()}, network(4), "last.ckpt")
    message = str(caught.value)
    assert message.startswith("ckpt_path must be a checkpoint of this model; last.ckpt has another architecture: ")
    for name, file, model in (("0.bias", (3,), (4,)), ("0.weight", (3, 3), (4, 4)), ("1.bias", (3,), (4,))):
        assert f"{name} is {file} in the file and {model} in the model" in message
    assert "1.weight" not in message
    assert "; ..." in message


@pytest.mark.parametrize(("file", "model", "words"), [(1, 2, "missing in the file"), (2, 1, "missing in the model")])
def test_the_message_names_tensors_missing_on_either_side(file: int, model: int, words: str) -> None:
    with pytest.raises(ValueError, match=rf"1\.bias is .*{words}.*1\.weight is") as caught:
        check_architecture({"state_dict": network(3, file).state_dict()}, network(3, model), "last.ckpt")
    assert "0.weight" not in str(caught.value)
