"""The user's data from the command line, including a new user's likely mistakes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.command_line import call
from tests.data.images.pets import make
from tests.data.tables.files import houses, write, write_text

pytestmark = pytest.mark.slow

FEW = ("trainer.max_epochs=2", "figures=false", "hydra.run.dir=run")
ROWS = "".join(f"{n % 7},{n % 2}\n" for n in range(40))


def train(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | int | None:
    return call(monkeypatch, *FEW, *arguments)


def test_a_table_can_be_trained_tested_and_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    write(houses())
    assert train(monkeypatch, "data=table", "data.path=houses.csv", "data.target=sold") is None
    # The checkpoint needs neither the file nor a target.
    Path("houses.csv").unlink()
    new = houses(rows=7, seed=1).drop("sold")
    write(new, "new.csv")
    best = "ckpt_path=run/checkpoints/best.ckpt"
    assert call(monkeypatch, "task=predict", best, "input=new.csv", "hydra.run.dir=predicted") is None
    predictions = pl.read_csv("predicted/predictions.csv", try_parse_dates=True)
    assert predictions.columns == [*new.columns, "class", "probability", "probability_no", "probability_yes"]
    assert predictions["id"].to_list() == new["id"].to_list()
    assert set(predictions["class"]) <= {"yes", "no"}


def test_the_test_part_can_be_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    write(houses(), "houses.parquet")
    assert train(monkeypatch, "data=table", "data.path=houses.parquet", "data.target=sold") is None
    best = "ckpt_path=run/checkpoints/best.ckpt"
    assert call(monkeypatch, "task=predict", best, "hydra.run.dir=predicted") is None
    predictions = pl.read_csv("predicted/predictions.csv")
    assert len(predictions) == 40
    asked = pl.read_parquet("houses.parquet").with_columns(pl.col("sold").alias("true_class"))
    own = [name for name in asked.columns if name in predictions.columns]
    assert set(own) >= {"id", "true_class"}
    expected = predictions.select("id").join(asked, on="id", maintain_order="left")
    assert predictions["true_class"].to_list() == expected["true_class"].to_list()
    assert call(monkeypatch, "task=test", best, "hydra.run.dir=tested", "figures=false") is None


def test_a_changed_table_is_tested_on_the_runs_own_test_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No model can learn random labels, but one that has seen them knows them.
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{n}": rng.normal(size=200) for n in range(8)} | {"y": rng.integers(2, size=200)})
    new = frame.head(5) * 0.5 + 0.25
    path = write(frame, "run[1].csv")
    table = ("data=table", f'data.path="{path}"', "data.target=y", "trainer.max_epochs=60", "optimizer.lr=0.01")
    assert call(monkeypatch, *table, "figures=false", "hydra.run.dir=run") is None
    first = json.loads(Path("run/metrics.json").read_text())
    assert first["train/accuracy"] > 0.95
    assert first["test/accuracy"] < 0.7
    capsys.readouterr()

    def tested(folder: str, *arguments: str) -> dict[str, Any]:
        best = "ckpt_path=run/checkpoints/best.ckpt"
        assert call(monkeypatch, best, f"hydra.run.dir={folder}", "figures=false", *arguments) is None
        metrics: dict[str, Any] = json.loads(Path(folder, "metrics.json").read_text())
        return metrics

    write(pl.concat([new.cast(frame.schema), frame]), str(path))
    metrics = tested("grown", "task=test")
    for name in ("test/accuracy", "test/loss", "samples/test"):
        assert metrics[name] == first[name], name
    said = "run[1].csv has 5 new rows: they are not tested; data.new_rows=true tests them too"
    assert said in capsys.readouterr().out
    assert tested("new", "task=test", "data.new_rows=true")["samples/test"] == 45
    assert tested("predicted", "task=predict")["predictions"] == 40
    assert said in capsys.readouterr().out
    write(new.cast(frame.schema), str(path))
    message = str(call(monkeypatch, "task=test", "ckpt_path=run/checkpoints/best.ckpt", "hydra.run.dir=none"))
    assert message.startswith("error: data.path must have test rows of the run")


def test_a_resumed_run_ends_in_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    write(houses())
    data = ("data=table", "data.path=houses.csv", "data.target=sold", "data.batch_size=16", "figures=false")
    assert call(monkeypatch, *data, "trainer.max_epochs=4", "hydra.run.dir=whole") is None
    assert call(monkeypatch, *data, "trainer.max_epochs=2", "hydra.run.dir=part") is None
    last = "ckpt_path=part/checkpoints/last.ckpt"
    assert call(monkeypatch, last, "trainer.max_epochs=4", "figures=false") is None
    states = [torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True) for run in ("whole", "part")]
    for name, tensor in states[0]["state_dict"].items():
        assert torch.equal(tensor, states[1]["state_dict"][name]), name


@pytest.mark.parametrize("target", ["data.target='is sold'", "data.target=is sold"])
def test_a_header_with_spaces_works(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text("x, is sold\n" + ROWS)
    assert train(monkeypatch, "data=table", "data.path=table.csv", target) is None


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (
            "x,is sold\n" + ROWS,
            ["data.target=sold"],
            ["has no 'sold'", "Did you mean is sold?", "data.target='is sold'"],
        ),
        ("x;y\n" + ROWS.replace(",", ";"), ["data.target=y", "data.separator=comma"], ["by a semicolon it is 2"]),
        ("x:y\n" + ROWS.replace(",", ":"), ["data.target=y"], ["has no 'y'", "data.separator=space or another"]),
        (
            "x,y\n1,yes\n" + "2,no\n" * 9,
            ["data.target=y", "data.kind=regression"],
            ["for a target of text; y holds 'yes'"],
        ),
        ("x,y\n" + "1,NaN\n" * 9, ["data.target=y"], ["all 9 rows of y lack one"]),
        ("x,y\n" + "1,7\n2,7\n" * 9, ["data.target=y"], ["y has '7' only"]),
        ("x,y\n1,7\n", ["data.target=y"], ["at least 5 rows", "table.csv has 1"]),
        ("x,y\n" + ROWS + "1,2,3\n", ["data.target=y"], ["line 42 of table.csv has 3"]),
        ("x,y\n" + ROWS, [], ["data.target must be the name of the column", "got null"]),
        ("x,y\n" + ROWS, ["data.target=y", "data.path=tabel.csv"], ["there is no tabel.csv. Did you mean table.csv?"]),
        ("x,y\n" + ROWS, ["data.target=y", "data.kind=numbers"], ["data.kind must be one of regression, classif"]),
    ],
)
def test_a_table_that_cannot_be_used_gets_one_message(
    text: str,
    arguments: list[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_text(text)
    message = train(monkeypatch, "data=table", "data.path=table.csv", *arguments)
    assert isinstance(message, str), "a message, which makes the exit status 1"
    for word in words:
        assert word in message
    assert message.count("error:") == 1
    assert "Traceback" not in message + capsys.readouterr().err


def test_a_path_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in ("table", "image_folder"):
        message = str(train(monkeypatch, f"data={data}"))
        assert "error: data.path must be the file or folder of your data: data.path=PATH; got null." in message


def test_a_table_with_a_text_target_and_missing_targets_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{n},{['red', 'blue', 'NaN', ''][n % 4]}\n" for n in range(80))
    write_text("x,colour\n" + rows)
    assert train(monkeypatch, "data=table", "data.path=table.csv", "data.target=colour") is None


def test_a_folder_of_images_can_be_trained_and_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    size = "data.image_size=[8,8]"
    assert train(monkeypatch, "data=image_folder", "data.path=pets", size) is None
    Path("pets/dog").rename("dogs")
    best = "ckpt_path=run/checkpoints/best.ckpt"
    assert call(monkeypatch, "task=predict", best, "input=dogs", "hydra.run.dir=predicted") is None
    predictions = pl.read_csv("predicted/predictions.csv")
    assert len(predictions) == 20
    assert set(predictions["class"]) <= {"cat", "dog"}


def test_a_folder_without_classes_gets_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    make("flat", (".",))
    message = str(train(monkeypatch, "data=image_folder", "data.path=flat"))
    assert "error: data.path must hold one folder a class" in message
    assert "flat has 20 images directly inside" in message
