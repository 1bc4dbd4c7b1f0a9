"""A checkpoint in one line of Python: by gradexp.load, by each class's load_from_checkpoint, to torch.export."""

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

import gradexp
from gradexp import AbstractModule, load, models, run
from tests.data.tables.files import houses, write
from tests.options import options

QUICK = ("figures=false", "test=false", "trainer.max_steps=2", "trainer.max_epochs=1")
SETTINGS = {
    "MLPClassifier": (
        "model.hidden=[4]", "model.batch_norm=true", "model.dropout=0.2", "loss=cross_entropy",
        "loss.class_weight=balanced", "regularizer.l1=1e-4", "scheduler=onecycle",
        "+metrics.f1._target_=torchmetrics.classification.MulticlassF1Score",
    ),
    "MLPFromScratch": ("model=mlp_from_scratch", "model.hidden=[4]"),
    "MLPRegressor": ("data=diabetes", "model=mlp_regressor", "model.hidden=[4]"),
    "LinearRegression": ("data=diabetes", "model=linear_regression"),
    "LogisticRegression": ("data=breast_cancer", "model=logistic_regression"),
    "SoftmaxRegression": ("model=softmax_regression",),
    "SigmoidUnits": ("model=sigmoid_units", "optimizer=sgd"),
    "Rosenblatt": ("+experiment=rosenblatt",),
    "FunctionDescent": ("+experiment=himmelblau",),
}  # fmt: skip


def test_the_cases_below_are_all_models() -> None:
    assert {name for name in models.__all__ if not name.startswith("Abstract")} == SETTINGS.keys()
    assert len(options("model")) >= len(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_model_is_loaded_without_a_configuration_and_exported(name: str) -> None:
    result = run(*SETTINGS[name], *QUICK)
    assert isinstance(result.module, AbstractModule)
    best = result.folder / "checkpoints" / "best.ckpt"
    module = getattr(models, name).load_from_checkpoint(best).eval()
    assert all(torch.equal(value, module.state_dict()[key]) for key, value in result.module.state_dict().items())
    features = next(module.parameters()).shape[-1]
    exported = torch.export.export(
        module, (torch.randn(3, features),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    inputs = torch.randn(7, features)
    torch.testing.assert_close(exported.module()(inputs), module(inputs))
    loaded = load(best)
    assert type(loaded.module) is type(module)
    assert all(torch.equal(value, loaded.module.state_dict()[key]) for key, value in module.state_dict().items())


def test_a_loaded_model_takes_raw_pixels_and_names_classes() -> None:
    result = run("figures=false", "model.hidden=[8]", "trainer.max_epochs=1", predictions=True)
    torch.manual_seed(5)
    state = torch.get_rng_state(), random.getstate(), Path.cwd(), dict(os.environ)
    best = result.folder / "checkpoints" / "best.ckpt"
    model = load(best)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (random.getstate(), Path.cwd(), dict(os.environ)) == state[1:]
    assert not model.module.training
    assert model.classes == [str(digit) for digit in range(10)]
    assert model.config["model"]["hidden"] == [8]
    assert repr(model) == f"LoadedModel(module=MLPClassifier, data=Digits, classes={model.classes})"
    many = replace(model, classes=["a" * 99, *map(str, range(98))])
    assert repr(many).endswith("', '0', '1', '2', '3', '4', '5', '6', '7', '8', ...])")
    assert len(repr(many)) < 150
    pixels = torch.from_numpy(load_digits().images[4::5]).to(torch.uint8).unsqueeze(1)
    probabilities = model(pixels)
    assert result.predictions is not None
    expected = result.predictions.select(pl_names(model.classes)).to_torch()
    torch.testing.assert_close(probabilities, expected, rtol=0, atol=1e-6)
    for given in (pixels.numpy(), pixels.squeeze(1).tolist(), list(pixels)):
        assert torch.equal(model(given), probabilities)
    scan = Image.fromarray(pixels[0, 0].numpy() * 15).resize((40, 40), Image.Resampling.NEAREST)
    scan.save("scan.png")
    predicted = run("task=predict", f"ckpt_path={best}", "input=scan.png").predictions
    assert predicted is not None
    for image in (scan, "scan.png", np.asarray(scan), [scan]):
        torch.testing.assert_close(model(image), predicted.select(pl_names(model.classes)).to_torch())
    with pytest.raises(ValueError, match=r"^samples must be Pillow images, .* got Tensor of shape \[3, 5, 5\]"):
        model(torch.zeros(3, 5, 5))
    assert isinstance(model.preprocessing, nn.Module)
    torch.testing.assert_close(model.module(model.preprocessing(pixels)).softmax(1), probabilities)


def pl_names(classes: list[str]) -> list[str]:
    return [f"probability_{name}" for name in classes]


def test_a_model_of_a_table_needs_no_file(own_folder: Path) -> None:
    write(houses(60))
    run("data=table", "data.path=houses.csv", "data.target=price", "model=linear_regression", *QUICK, "hydra.run.dir=r")
    Path("houses.csv").unlink()
    model = load("r/checkpoints/last.ckpt")
    assert model.classes == []
    assert repr(model) == "LoadedModel(module=LinearRegression, data=Table, target='price')"
    assert model.preprocessing is not None
    assert [one["name"] for one in model.preprocessing.description()["columns"]][:2] == ["house age", "income"]
    rows = model.preprocessing.draw(3, torch.Generator().manual_seed(0))
    numbers = model(rows)
    row = {"house age": 30, "income": 3.0, "city": "Ulm", "built": "2002-03-04", "garden": True, "sold": "yes"}
    pl.DataFrame([row]).write_csv("new.csv")
    predicted = run("task=predict", "ckpt_path=r/checkpoints/last.ckpt", "input=new.csv").predictions
    assert predicted is not None
    for given in (row, [row], pl.DataFrame([row]), "new.csv"):
        assert model(given).tolist() == [pytest.approx([predicted["prediction"].item()])]
    standardised = model.module(model.preprocessing(rows))
    torch.testing.assert_close(
        numbers, standardised * model.data.target_std + model.data.in_target_units(torch.zeros(1))
    )


def test_a_checkpoint_of_another_package_is_loaded_only_if_that_is_trusted(own_folder: Path) -> None:
    shutil.copy(Path(__file__).parent / "plain_modules.py", own_folder / "their_models.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(own_folder)
        trust = "trusted_packages=[gradexp,their_models]"
        result = run("model={_target_:their_models.Plain}", trust, *QUICK)
        best = result.folder / "checkpoints" / "best.ckpt"
        with pytest.raises(ValueError, match=r"^trusted_packages must name .*'gradexp', 'their_models'\]\)\.$"):
            load(best)
        model = load(best, trusted_packages=["their_models"])
        assert model(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape == (2, 10)


def test_what_is_no_checkpoint_is_refused(own_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"^ckpt_path must be a checkpoint file; there is no none.ckpt"):
        load("none.ckpt")
    Path("RUN/checkpoints").mkdir(parents=True)
    Path("RUN/checkpoints/best.ckpt").touch()
    with pytest.raises(ValueError, match=r"; RUN is a folder. Type ckpt_path=RUN/checkpoints/best.ckpt$"):
        load("RUN")
    Path("text.ckpt").write_text("no checkpoint")
    with pytest.raises(ValueError, match=r"^ckpt_path must be "):
        gradexp.load("text.ckpt")
