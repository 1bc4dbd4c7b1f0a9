"""The tags of rates and weights, today and in earlier event files."""

import pytest

from gradexp.engine.scalar_tags import RATE, family_of, of_weights, tag_today


@pytest.mark.parametrize(
    ("tag", "today", "family"),
    [
        ("lr", "train/lr", ""),
        ("parameter/weight/0", "weights/parameter/weight/0", "parameter"),
        ("grad_norm/network.0", "weights/grad_norm/network.0", "grad_norm"),
        ("lr/mine", "lr/mine", ""),
        ("lr-SGD", "lr-SGD", ""),
        ("parameter", "parameter", ""),
        ("grad_norms/a", "grad_norms/a", ""),
        ("train/loss", "train/loss", ""),
        ("weights/mine", "weights/mine", ""),
        ("weights/parameter", "weights/parameter", ""),
        ("train/parameter/a", "train/parameter/a", ""),
    ],
)
def test_earlier_tags_have_todays_name_and_others_keep_theirs(tag: str, today: str, family: str) -> None:
    assert tag_today(tag) == tag_today(today) == today
    assert family_of(today) == family


def test_curves_sort_behind_the_scores_in_tensorboard() -> None:
    tags = [RATE, *of_weights({"parameter/bias": 1.0, "bias_grad_norm/a": 2.0}), "best/val/loss", "test/loss"]
    assert sorted(tags)[:2] == ["best/val/loss", "test/loss"]
