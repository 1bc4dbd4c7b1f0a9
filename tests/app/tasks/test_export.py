"""The task that exports: what it writes, what it refuses, and that nothing is written that differs."""

import contextlib
import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits

from gradexp import Result, models, run
from gradexp.app.composition import compose
from gradexp.app.exports import onnx_format
from gradexp.app.exports.exported import Exported
from gradexp.data import Diabetes
from tests.data.tables.files import houses, write

QUICK = ("figures=false", "test=false", "progress=false", "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best checkpoint of a classifier of digits."""
    folder = tmp_path_factory.mktemp("trained")
    run(*QUICK, "model.hidden=[8]", "model.dropout=0.5", "model.batch_norm=true", f"hydra.run.dir={folder}")
    return folder / "checkpoints" / "best.ckpt"


def exported(path: Path, form: str, *more: str) -> tuple[Result, dict[str, Any]]:
    result = run("task=export", f"ckpt_path={path}", f"export.format={form}", "hydra.run.dir=out", *more)
    content: dict[str, Any] = json.loads((result.folder / "model.json").read_text())
    return result, content


def test_onnx_gives_names_and_probabilities_of_pixels_in_batches_of_any_size(trained: Path) -> None:
    result, content = exported(trained, "onnx")
    predicted = run("task=predict", f"ckpt_path={trained}").predictions
    assert predicted is not None
    session = onnxruntime.InferenceSession(result.folder / "model.onnx")
    pixels = load_digits().images[4::5].astype(np.uint8)[:, None]
    assert content["input"]["name"] == session.get_inputs()[0].name == "pixels"
    assert [one["name"] for one in content["outputs"]] == [one.name for one in session.get_outputs()]
    expected = predicted.select(f"probability_{digit}" for digit in range(10)).to_numpy()
    for size in (1, 100, len(pixels)):
        names, numbers, probabilities = session.run(None, {"pixels": pixels[:size]})
        assert list(names) == predicted["class"].to_list()[:size]
        assert [content["classes"][number] for number in numbers] == list(names)
        np.testing.assert_allclose(probabilities, expected[:size], rtol=0, atol=1e-5 * expected.max())
    assert content["checked"]["samples"] == 100
    assert content["checked"]["of"] == "the test part"
    assert 0 <= content["checked"]["largest_difference"] == result.metrics["export/difference"] < 1e-5
    assert "model.onnx: pixels in, class, class_number, probabilities out" in result.notes
    described = json.loads(session.get_modelmeta().custom_metadata_map["gradexp"])
    assert described["classes"] == content["classes"]


def test_onnx_of_a_table_takes_its_raw_columns_and_gives_the_targets_units(own_folder: Path) -> None:
    write(houses(60), "houses.parquet")
    run("data=table", "data.path=houses.parquet", "data.target=price", "model=linear_regression", *QUICK,
        "hydra.run.dir=run")  # fmt: skip
    Path("houses.parquet").unlink()
    result, content = exported(Path("run/checkpoints/best.ckpt"), "onnx")
    assert content["checked"]["of"] == "random values, as no test part can be read"
    assert any("the test part cannot be read: data.path must be " in note for note in result.notes)
    assert content["outputs"] == [
        {"name": "prediction", "type": "float32", "shape": ["batch", 1], "meaning": "price, in its own units"}
    ]
    columns = {one["name"]: one for one in content["input"]["columns"]}
    new = write(houses(9, seed=3).drop("price"), "new.parquet")
    predicted = run("task=predict", "ckpt_path=run/checkpoints/best.ckpt", f"input={new}").predictions
    assert predicted is not None
    frame = pl.read_parquet(new)
    raw = np.full((9, len(columns)), np.nan)
    for place, (name, column) in enumerate(columns.items()):  # as model.json says
        for row, value in enumerate(frame[name].to_list()):
            if value is not None and column["kind"] == "category":
                raw[row, place] = column["categories"].index(value) if value in column["categories"] else -1
            elif value is not None and column["kind"] == "days":
                raw[row, place] = (np.datetime64(value) - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
            elif value is not None:
                raw[row, place] = value
    (prices,) = onnxruntime.InferenceSession(result.folder / "model.onnx").run(None, {"columns": raw})
    np.testing.assert_allclose(prices[:, 0], predicted["prediction"].to_numpy(), rtol=1e-5)


def used(content: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The names that the lines of model.json define, as they stand, in the folder of the file."""
    with contextlib.chdir("out"):
        exec("\n".join(content["how"]), given)
    return given


def preprocessed(content: dict[str, Any], raw: torch.Tensor) -> torch.Tensor:
    scale = {name: torch.tensor(content["input"][name]) for name in ("mean", "std")}
    return (raw - scale["mean"]) / scale["std"]


def test_the_lines_of_a_classifier_run_as_they_stand(trained: Path, own_folder: Path) -> None:
    pixels = torch.from_numpy(load_digits().images).to(torch.uint8).unsqueeze(1)
    _, content = exported(trained, "onnx")
    expected = used(content, pixels=pixels.numpy())["probabilities"]

    _, content = exported(trained, "torch_export")
    assert content["contains_preprocessing"]
    known = used(content, raw=pixels)
    np.testing.assert_array_equal(known["class_number"].numpy(), expected.argmax(1))
    np.testing.assert_allclose(known["probabilities"].numpy(), expected, atol=1e-6)

    shutil.rmtree("out")
    result, content = exported(trained, "state_dict")
    assert not content["contains_preprocessing"]
    known = used(content, inputs=preprocessed(content, pixels.float()))
    np.testing.assert_allclose(known["probabilities"].numpy(), expected, atol=1e-6)
    assert isinstance(known["module"], models.MLPClassifier)
    assert sorted(path.name for path in result.folder.iterdir() if path.suffix in (".pt", ".json")) == [
        "metrics.json", "model.json", "model.pt",
    ]  # fmt: skip


def test_the_lines_of_a_regression_run_as_they_stand(own_folder: Path) -> None:
    best = run("data=diabetes", "model=mlp_regressor", "model.hidden=[4]", *QUICK).folder / "checkpoints" / "best.ckpt"
    predicted = run("task=predict", f"ckpt_path={best}").predictions
    assert predicted is not None
    numbers = Diabetes().tensors("test")[0]
    for form in ("onnx", "torch_export", "state_dict"):
        result, content = exported(best, form)
        checked = content["checked"]
        assert checked["largest_output"] == pytest.approx(predicted["prediction"][:100].abs().max(), rel=1e-5)
        share = checked["largest_difference"] / checked["largest_output"]
        assert any(f"differ by at most {share:.1e} of the largest, " in note for note in result.notes)
        # Of the samples below, each format takes one kind.
        known = used(content, numbers=numbers.numpy(), raw=numbers, inputs=preprocessed(content, numbers))
        found = known["prediction"] if form == "onnx" else known["prediction"].numpy()
        np.testing.assert_allclose(found[:, 0], predicted["prediction"].to_numpy(), rtol=1e-5, err_msg=form)


def test_the_line_of_a_check_without_test_part_names_data_dir(mnist_data_dir: Path, own_folder: Path) -> None:
    best = run("data=mnist", f"data_dir={mnist_data_dir}", "model.hidden=[4]", "trainer.max_steps=1", *QUICK)
    path = best.folder / "checkpoints" / "last.ckpt"
    result, content = exported(path, "state_dict")
    assert content["checked"]["of"] == "random values, as no test part can be read"
    (note,) = [note for note in result.notes if "test part is not in" in note]
    assert note.endswith("type data_dir=FOLDER to check on it, as for the training; a checkpoint does not keep it")
    result, content = exported(path, "state_dict", f"data_dir={mnist_data_dir}")
    assert content["checked"]["of"] == "the test part"
    assert not any("data_dir" in note for note in result.notes)


def test_a_model_of_another_package_gives_scores(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(Path(__file__).parents[1] / "plain_modules.py", own_folder / "my_models.py")
    monkeypatch.syspath_prepend(own_folder)
    trust = "trusted_packages=[gradexp,my_models]"
    best = run("model={_target_:my_models.Plain}", trust, *QUICK).folder / "checkpoints" / "best.ckpt"
    with pytest.raises(ValueError, match=r"^trusted_packages must name the packages of all classes"):
        exported(best, "torch_export")
    _, content = exported(best, "torch_export", trust)
    assert [one["name"] for one in content["outputs"]] == ["class_number", "scores"]


def test_a_model_that_cannot_be_traced_is_refused_in_one_line(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (Path(__file__).parents[1] / "plain_modules.py").read_text()
    branch = "        if inputs.sum() > 1e9:\n            inputs = -inputs\n        outputs: Tensor"
    (own_folder / "branching.py").write_text(source.replace("        outputs: Tensor", branch))
    monkeypatch.syspath_prepend(own_folder)
    trust = "trusted_packages=[gradexp,branching]"
    best = run("model={_target_:branching.Plain}", trust, *QUICK).folder / "checkpoints" / "best.ckpt"
    with pytest.raises(
        ValueError, match=r"^export.format must be one that can express Plain; got torch_export: "
    ) as caught:
        exported(best, "torch_export", trust)
    assert "\n" not in str(caught.value)
    assert not list(own_folder.joinpath("out").glob("model*"))


def test_a_file_that_gives_something_else_is_not_written(
    trained: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(module: Any, data: Any, raw: torch.Tensor) -> Exported:
        return Exported("model.pt", b"", lambda samples: torch.full((len(samples), 10), 0.1), [{"name": "x"}], [])

    monkeypatch.setattr("gradexp.app.exports.torch_formats.to_state_dict", wrong)
    with pytest.raises(ValueError, match=r"^the exported model must give what the checkpoint gives, to 1e-05 .*by 0\."):
        exported(trained, "state_dict")
    assert not list(own_folder.joinpath("out").glob("model*"))


def test_what_is_missing_is_named_with_the_command_that_installs_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(onnx_format, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    with pytest.raises(
        ValueError, match=r"; onnxscript is not\. It is installed by uv sync --extra export in a checkout"
    ):
        exported(trained, "onnx")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("task=export",), "ckpt_path must be a checkpoint for task=export; got null"),
        (("export.format=onnx",), "export.format has no effect with task=train, only with task=export"),
        (
            ("task=export", "ckpt_path=a", "export.format=keras"),
            "export.format must be one of onnx, torch_export, state",
        ),
    ],
)
def test_mistakes_are_refused_before_torch_is_needed(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        compose(*overrides)


def test_a_descent_on_a_function_has_no_samples(own_folder: Path) -> None:
    best = run("+experiment=himmelblau", "trainer.max_steps=2", "figures=false").folder / "checkpoints" / "best.ckpt"
    with pytest.raises(ValueError, match=r"^ckpt_path must be of a model that takes samples .*FunctionDescent"):
        exported(best, "state_dict")
