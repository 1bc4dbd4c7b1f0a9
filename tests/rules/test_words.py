"""Names that people type wrong, and the values that they mean."""

import pytest

from gradexp.building.kinds import KINDS
from gradexp.configuration.key_rules import KEY_RULES
from gradexp.rules import BOOLEAN, COLUMNS, COUNT, FRACTION, HIDDEN, POSITIVE, Rule, check, or_null
from gradexp.rules.words import OTHER_WORDS, counted, did_you_mean, duration, other_word


@pytest.mark.parametrize(
    ("typed", "valid", "meant"),
    [
        ("SGD", ["adam", "sgd"], "sgd"),
        ("learning_rate", ["betas", "lr"], "lr"),
        ("learning-rate", ["betas", "lr"], "lr"),
        ("lr", ["folds", "learning_rate"], "learning_rate"),  # the other way round
        ("epochs", ["max_steps", "max_epochs", "min_epochs"], "max_epochs"),
        ("evaluate", ["train", "test"], "test"),
        ("zebra", ["adam", "sgd"], None),
        ("spiral", ["separable", "xor"], None),  # five letters in common, and four slips
        ("noise", ["affine", "none"], None),
        ("saturation", ["activations"], None),
        ("seed_sensitivity", ["learning_rate_sensitivity"], None),
        ("mnits", ["minibatch", "mnist"], "mnist"),
        ("himmel", ["himmelblau"], "himmelblau"),
        ("stiblinski", ["styblinski_tang"], "styblinski_tang"),
        ("xro", ["xor"], "xor"),
        ("sdg", ["adam", "sgd"], "sgd"),
        ("HuberLoss", ["hinge", "huber"], "huber"),
        ("mlp_scratch", ["mlp_classifier", "mlp_from_scratch"], "mlp_from_scratch"),
        ("reprot", ["export", "report"], "report"),
        ("val_split", ["split_seed", "val_size"], "val_size"),
    ],
)
def test_did_you_mean(typed: object, valid: list[str], meant: str | None) -> None:
    assert did_you_mean(typed, valid) == (f" Did you mean {meant}?" if meant else "")


def test_a_noun_is_in_the_singular_after_one_alone() -> None:
    assert [counted(number, "job") for number in (0, 1, 2, 1260)] == ["0 jobs", "1 job", "2 jobs", "1,260 jobs"]


def test_no_word_stands_for_two_names() -> None:
    words = [word for words in OTHER_WORDS.values() for word in words.split()]
    assert len(words) == len(set(words))
    assert all(other_word(word, OTHER_WORDS) for word in words)


@pytest.mark.parametrize(
    ("value", "rule", "hint"),
    [
        (200, HIDDEN, "Did you mean [200]?"),
        ("id", COLUMNS, "Did you mean [id]?"),
        ("my id", COLUMNS, "Did you mean ['my id']?"),
        ("None", or_null(POSITIVE), "Did you mean null?"),
        ([0.1], POSITIVE, "Did you mean 0.1?"),
        ("50%", FRACTION, "Did you mean 0.5?"),
        (3.0, COUNT, "Did you mean 3?"),
        ("off", BOOLEAN, "Did you mean false?"),
        ([0.1, 0.01], POSITIVE, "For a run of each type -m key=0.1,0.01"),
    ],
)
def test_a_value_that_is_nearly_right(value: object, rule: Rule, hint: str) -> None:
    with pytest.raises(ValueError, match=r"^key must be ") as caught:
        check("key", value, rule)
    assert str(caught.value).endswith(f". {hint}")


@pytest.mark.parametrize("value", ["ten", float("inf"), float("nan"), None, "", -1, [], {}, "1e999", "9" * 5000])
def test_nothing_is_guessed_where_nothing_is_near(value: object) -> None:
    with pytest.raises(ValueError, match=r"^key must be ") as caught:
        check("key", value, COUNT)
    assert str(caught.value).endswith(f"got {'null' if value is None else repr(value)}.")


@pytest.mark.parametrize(
    ("key", "value"), [("trainer.devices", 0), ("sweep.zip", "optimizer.lr"), ("optimizer.betas", 0.9)]
)
def test_what_would_be_refused_is_not_guessed(key: str, value: object) -> None:
    rules = {**KEY_RULES, "optimizer.betas": KINDS["optimizer"].rules["betas"]}
    with pytest.raises(ValueError, match=f"^{key} must be ") as caught:
        check(key, value, rules[key])
    assert str(caught.value).endswith(f"got {value!r}.")


def test_a_duration_has_a_digit_that_is_not_zero() -> None:
    seconds = {12.34: "12.3", 0.96: "1.0", 0.097: "0.1", 0.05: "0.05", 0.0123: "0.01", 0.0016: "0.002", 1e-5: "0.0"}
    assert {value: duration(value) for value in seconds} == seconds
