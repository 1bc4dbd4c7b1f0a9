"""The worked examples: every number is compared with a second computation, and a wrong one raises."""

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gradexp.explain import topic_named, topic_names
from gradexp.explain.lesson import Lesson
from gradexp.gradients import activations
from tests.command_line import call


@pytest.mark.parametrize("topic", topic_names())
def test_topic_prints_and_compares_its_numbers(
    topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "task=explain", f"topic={topic}", "hydra.run.dir=lesson") is None
    out = capsys.readouterr().out
    lesson = Lesson()
    topic_named(topic)(lesson)
    assert lesson.checks >= 3
    for line in lesson.lines:
        assert line in out
    assert f"{lesson.checks} numbers were computed twice and agree" in out
    assert len(list(Path("lesson").glob("figures/*.png"))) == len(lesson.figures)


@pytest.mark.parametrize("experiment", ["activations", "losses"])
def test_explaining_experiment_draws_its_figure(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, f"+experiment={experiment}", "hydra.run.dir=lesson") is None
    events = EventAccumulator("lesson/tensorboard", size_guidance={"images": 0}).Reload()
    assert events.Tags()["images"] == [f"explain/{experiment}"]
    assert Path(f"lesson/figures/explain_{experiment}.png").stat().st_size > 10_000


def test_chain_rule_and_autograd_show_the_expected_values() -> None:
    chain, graph = Lesson(), Lesson()
    topic_named("chain_rule")(chain)
    topic_named("autograd")(graph)
    words = {line.split("  ")[1]: line.split() for line in chain.lines if line.startswith("  dy")}
    assert [words[key][-1] for key in words] == ["2", "1", "2"], "2 = 2 * 1"
    text = "\n".join(graph.lines)
    assert "MulBackward0" in text
    assert "RuntimeError: Trying to backward through the graph a second time" in text


def test_wrong_derivative_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "softmax_jacobian", lambda logits: torch.diag_embed(logits.softmax(-1)))
    with pytest.raises(ArithmeticError, match="row 0 is"):
        topic_named("softmax")(Lesson())


def test_missing_or_misspelt_topic_raises(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> None:
    message = call(monkeypatch, "task=explain")
    assert str(message).startswith("error: topic must be one of activations, autograd")
    message = call(monkeypatch, "task=explain", "topic=chainrule")
    assert "Did you mean chain_rule?" in str(message)
    assert list(own_folder.iterdir()) == []
