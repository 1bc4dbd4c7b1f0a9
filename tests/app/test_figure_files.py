"""figure_format and figure_size of a run, of a sweep with its report, of a comparison; what bad values are told."""

import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from PIL import Image

from gradexp import run
from gradexp.app.hydra_callbacks import WriteReport
from tests.command_line import call
from tests.sweeps.folders import grid, write_sweep

TINY = ("trainer.max_epochs=1", "model.hidden=[3]", "progress=false")


def pdf_width(path: Path) -> float:
    """In inches, from the page's box."""
    box = re.search(rb"/MediaBox \[ ?([\d. ]+)\]", path.read_bytes())
    assert box is not None
    return float(box[1].split()[2]) / 72


def test_a_run_writes_the_formats_at_the_size_asked_for(own_folder: Path) -> None:
    run(*TINY, "figure_format=[pdf,png]", "figure_size=column", f"hydra.run.dir={own_folder}/run")
    files = sorted(path.name for path in (own_folder / "run" / "figures").iterdir())
    names = ["loss_curve", "test_confusion_matrix", "test_most_wrong", "weights_first_layer"]
    assert files == [f"{name}.{ending}" for name in names for ending in ("pdf", "png")]
    for name in names:
        assert pdf_width(own_folder / "run" / "figures" / f"{name}.pdf") == pytest.approx(3.3)
        with Image.open(own_folder / "run" / "figures" / f"{name}.png") as image:
            assert image.width == 990, "300 dots per inch"
            assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-3)


def test_a_sweep_its_report_and_its_comparison_have_them_too(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sweep(Path("sweep"), grid(optimizer__lr=[1e-3, 1e-2], seed=[0, 1, 2]))
    sweep: Any = OmegaConf.create(
        {"figure_format": "svg", "figure_size": None, "sweep": {"dry_run": False}, "hydra": {"sweep": {"dir": "sweep"}}}
    )
    WriteReport().on_multirun_end(sweep)
    drawn = {path.stem for path in Path("sweep/figures").iterdir()}
    assert {"sweep_learning_rate", "sweep_compare"} <= drawn
    assert {path.suffix for path in Path("sweep/figures").iterdir()} == {".svg"}
    assert call(monkeypatch, "task=report", "sweep_dir=sweep", "figure_format=pdf", "figure_size=page") is None
    assert {path.stem for path in Path("sweep/figures").glob("*.pdf")} == drawn
    assert pdf_width(Path("sweep/figures/sweep_learning_rate.pdf")) == pytest.approx(7.0)
    capsys.readouterr()
    compared = ("compare.folders=[sweep]", "hydra.run.dir=compared", "figure_format=[svg,pdf]")
    assert call(monkeypatch, "task=compare", *compared) is None
    assert sorted(path.name for path in Path("compared/figures").iterdir()) == ["compare.pdf", "compare.svg"]
    assert "compare.pdf" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("figure_format=eps", "figure_format must be one of png, svg, pdf, or a list of them"),
        ("figure_format=pgn", "got 'pgn'. Did you mean png?"),
        ("figure_format=[png,jpg]", "or a list of them, such as [png,pdf]; got ['png', 'jpg']."),
        ("figure_format=[]", "or a list of them, such as [png,pdf]; got []."),
        ("figure_format=null", "or a list of them, such as [png,pdf]; got null."),
        ("figure_size=3.3", "figure_size must be one of column, page, or null; got 3.3."),
        ("figure_size=pages", "got 'pages'. Did you mean page?"),
    ],
)  # fmt: skip
def test_a_bad_value_is_answered_in_one_line(typed: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = str(call(monkeypatch, typed))
    assert message in answer
    assert len(answer.splitlines()) == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("figure_format=png,pdf", 'got the axis png,pdf. Type "figure_format=[png,pdf]".'),
        ("figure_size=column,page", "got the axis column,page. Type one of them."),
    ],
)
def test_they_are_no_axes_of_a_sweep(typed: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert message in str(call(monkeypatch, "-m", *TINY, "seed=0,1", typed))
    assert not Path("outputs").exists()
