"""What TensorBoard has of a run beside its curves: command, configuration, layout, results, hyperparameters."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from gradexp import compose, run
from gradexp.configuration.hashes import asked_hash
from gradexp.configuration.values import plain
from gradexp.reports.scalar_layout import MEASURED, OTHERS
from tests.command_line import call
from tests.run_folder import events
from tests.sweeps.small import SMALL, metrics

BLOCK = re.compile(r"(?m)^(`{3,})(shell|yaml)\n(.*?)\n\1$", re.DOTALL)


def card(folder: Path, name: str = "config") -> str:
    """The newest text card of this name."""
    text = events(folder).Tensors(f"{name}/text_summary")[-1].tensor_proto.string_val[0]
    return str(text.decode())


def commands(folder: Path) -> list[list[str]]:
    """The words of each command on the card, as a shell reads them."""
    return [shlex.split(text) for _, language, text in BLOCK.findall(card(folder)) if language == "shell"]


def layout(folder: Path) -> dict[str, list[str]]:
    """The charts of Custom Scalars by category."""
    (written,) = events(folder).Tensors("custom_scalars__config__")
    found = layout_pb2.Layout.FromString(written.tensor_proto.string_val[0])
    return {one.title: [chart.title for chart in one.chart] for one in found.category}


def settings(folder: Path) -> dict[str, object]:
    """The columns of HPARAMS that a run has."""
    content = events(folder).summary_metadata["_hparams_/session_start_info"].plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, str(value.WhichOneof("kind"))) for name, value in values.items()}


def test_a_run_has_its_command_configuration_and_results() -> None:
    typed = ("data=linear", "model=linear_regression", "trainer.max_epochs=2", "figures=false", "regularizer.l2=1e-3")
    result = run(*typed, "+callbacks=diagnostics", "name=a_name", "hydra.run.dir='a ``` folder'")
    (line,) = commands(result.folder)
    assert line[:3] == ["python", "-m", "gradexp"]
    assert line[3:] == [*typed, "+callbacks=diagnostics", "name=a_name", "hydra.run.dir='a ``` folder'"]
    (shown,) = (text for _, language, text in BLOCK.findall(card(result.folder)) if language == "yaml")
    assert yaml.safe_load(shown)["name"] == "a_name"
    assert layout(result.folder) == {
        MEASURED: ["loss", "mse", "r2"],
        OTHERS: ["lr", "penalty", "objective", "parameter", "grad_norm", "bias_grad_norm", "update_ratio",
                 "weight_norm", "zero_gradients"],
    }  # fmt: skip
    logged = events(result.folder).Tags()["scalars"]
    families = {tag.split("/")[1] for tag in logged if tag.startswith("weights/")}
    assert families == {*layout(result.folder)[OTHERS]} - {"lr", "penalty", "objective"}
    assert "train/lr" in logged
    # HPARAMS shows the first columns by name: curves stand behind the scores.
    assert {tag.partition("/")[0] for tag in logged} == {"best", "test", "train", "weights"}
    results = card(result.folder, "results")
    for name in ("best/train/loss", "test/rmse", "least_squares/excess", "seconds/fit"):
        assert f"| {name.replace('_', chr(92) + '_')} | {result.metrics[name]:.6g} |" in results


def test_jobs_of_a_stack_have_the_command_of_the_sweep_and_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = (
        "optimizer=adam",
        "optimizer.betas=[0.9,0.99],[0.8,0.9]",
        "+model.init=normal",
        "hydra/launcher=vectorized",
    )
    assert call(monkeypatch, *SMALL, *typed) is None
    for number, betas in enumerate(("[0.9, 0.99]", "[0.8, 0.9]")):
        folder = Path(f"sweep/{number}")
        sweep, alone = commands(folder)
        assert sweep[:4] == ["python", "-m", "gradexp", "-m"]
        assert sorted(sweep[4:]) == sorted((*SMALL[1:], *typed))
        cfg = compose(*alone[3:])
        assert plain(cfg)["optimizer"]["betas"] == yaml.safe_load(betas)
        assert asked_hash(cfg) == metrics(number)["asked_hash"], "pasted it is that job"
        assert layout(folder) == {MEASURED: ["loss", "accuracy"], OTHERS: ["lr"]}, "without a penalty"
        assert settings(folder) == {"experiment": "default", "optimizer.betas": betas, "optimizer": "adam",
                                    "init": "normal", "hidden": "4", "batch_size": 100, "max_epochs": 2}  # fmt: skip
        assert "seconds/fit" in card(folder, "results")
