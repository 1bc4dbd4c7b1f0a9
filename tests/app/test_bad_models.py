"""Bad input for the small models and their data gets one message: the argument, the rule, the value received."""

import pytest

from gradexp import run
from tests.command_line import call

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            "+experiment=linear_regression data.true_weight=[]",
            ["data.true_weight must be a list of finite numbers", "[]"],
        ),
        (
            "+experiment=linear_regression data.true_weight=5",
            ["data.true_weight must be a list", "one a feature; got 5"],
        ),
        ("+experiment=linear_regression data.true_weight=[nan]", ["data.true_weight", "[nan]"]),
        ("+experiment=linear_regression data.true_bias=x", ["data.true_bias must be a finite number; got 'x'"]),
        ("+experiment=linear_regression data.noise=-1", ["data.noise must be a finite number of at least 0; got -1"]),
        (
            "+experiment=linear_regression data.num_samples=0",
            ["data.num_samples must be a whole number of at least 1; got 0"],
        ),
        (
            "+experiment=linear_regression data.distribution=x",
            ["data.distribution must be one of uniform, normal; got 'x'"],
        ),
        ("+experiment=linear_regression data.distribution=norml", ["Did you mean normal?"]),
        ("+experiment=linear_regression data.repeat=0", ["data.repeat must be a whole number of at least 1; got 0"]),
        (
            "+experiment=linear_regression data.repeat=1.5",
            ["data.repeat must be a whole number of at least 1; got 1.5"],
        ),
        (
            "+experiment=linear_regression data.steps_per_execution=0",
            ["data.steps_per_execution must be a whole number of at least 1; got 0"],
        ),
        (
            "+experiment=linear_regression model.initial_weight=x",
            ["model.initial_weight must be a finite number, or null; got 'x'"],
        ),
        ("+experiment=linear_regression +model.num_targets=0", ["model.num_targets must be a whole number", "got 0"]),
        (
            "+experiment=linear_regression +model.num_targets=2 trainer.max_epochs=1",
            ["num_targets"],
        ),
        (
            "+experiment=linear_regression model.bias=x trainer.max_epochs=1 data.repeat=1",
            ["model.bias"],
        ),
        ("+experiment=rosenblatt data.margin=0.9", ["data.margin must be a number above 0 and at most 0.5; got 0.9"]),
        ("+experiment=rosenblatt data.margin=0", ["data.margin must be a number above 0", "got 0"]),
        (
            "+experiment=rosenblatt data.num_features=0",
            ["data.num_features must be a whole number of at least 1; got 0"],
        ),
        ("data=blobs data.num_classes=1", ["data.num_classes must be a whole number of at least 2; got 1"]),
        ("data=blobs data.radius=-1", ["data.radius must be a finite number of at least 0; got -1"]),
        (
            "+experiment=himmelblau model.surface=himelblau",
            ["model.surface must be one of himmelblau, rosenbrock", "'himelblau'", "Did you mean himmelblau?"],
        ),
        ("+experiment=himmelblau model.start=[1]", ["model.start must be a pair [x, y] of finite numbers", "got [1]"]),
        ("+experiment=himmelblau model.start=[1,inf]", ["model.start must be a pair", "[1, inf]"]),
        ("+experiment=himmelblau model.start=x", ["model.start must be a pair", "'x'"]),
        (
            "+experiment=rosenblatt optimizer=adam",
            ["optimizer must be sgd for Rosenblatt's rule", "'torch.optim.Adam'"],
        ),
        (
            "+experiment=rosenblatt optimizer=momentum",
            ["optimizer must be sgd for Rosenblatt's rule", "'momentum': 0.9"],
        ),
        ("+experiment=rosenblatt data=digits", ["Rosenblatt needs data of 2 classes; got 10", "model=sigmoid_units"]),
        (
            "+experiment=logistic_regression data=digits",
            ["LogisticRegression needs data of 2 classes; got 10", "model=softmax_regression"],
        ),
        (
            "+experiment=linear_regression data=digits",
            [
                "model must be a classifier for Digits, whose targets are 10 classes; got LinearRegression",
                "model=mlp_class",
            ],
        ),
        (
            "data=xor model=linear_regression",
            ["model must be a classifier for Points", "2 classes", "LinearRegression"],
        ),
        ("model=mlp_regressor", ["model must be a classifier for Digits", "got MLPRegressor"]),
        (
            "+experiment=softmax_regression data=diabetes",
            [
                "model must predict numbers for this data",
                "got SoftmaxRegression",
                "model=linear_regression, mlp_regressor",
            ],
        ),
        ("model=sigmoid_units data=diabetes", ["model must predict numbers", "got SigmoidUnits"]),
        ("model=rosenblatt data=diabetes optimizer=sgd", ["model must predict numbers", "got Rosenblatt"]),
        ("model=mlp_from_scratch data=diabetes", ["model must predict numbers", "got MLPFromScratch"]),
        (
            "+experiment=xor data.targets=[0,1]",
            ["data.targets must be as many as data.inputs, 4", "got 2: [0, 1]"],
        ),
        (
            "+experiment=xor data.targets=[0,1,1,2]",
            ["data.targets must be the numbers of data.classes, 0 to 1", "[0, 1, 1, 2]"],
        ),
        ("+experiment=xor data.targets=[0,1,1,0.5]", ["data.targets must be the numbers of data.classes", "0.5"]),
        (
            "+experiment=xor data.inputs=[[0],[1,2],[3],[4]]",
            ["data.inputs must be a list of points", "[[0], [1, 2], [3], [4]]"],
        ),
        ("+experiment=xor data.inputs=[]", ["data.inputs must be a list of points", "got []"]),
        ("+experiment=xor data.inputs=5", ["data.inputs", "5"]),
        ("+experiment=xor data.inputs=[1,2,3,4]", ["data.inputs", "[1, 2, 3, 4]"]),
        ("+experiment=xor data.targets=5", ["data.targets", "5"]),
        (
            "+experiment=xor data.inputs=[[a,b],[c,d],[e,f],[g,h]]",
            ["data.inputs must be a list of points", "'a'"],
        ),
        ("data=none", ["model must be one without features for this data", "model=function_descent"]),
    ],
)
def test_a_bad_value_gets_one_message_with_its_rule(
    overrides: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    message = call(monkeypatch, *overrides.split())
    assert isinstance(message, str), "a message, which makes the exit status 1"
    for word in words:
        assert word in message
    assert message.count("error:") == 1
    assert "Traceback" not in message + capsys.readouterr().err


def test_penalties_on_rosenblatts_rule_are_reported_as_without_effect() -> None:
    with pytest.warns(UserWarning, match="regularizer has no effect on Rosenblatt's rule"):
        run("+experiment=rosenblatt", "regularizer.l2=0.1", "trainer.max_epochs=1", "figures=false", "test=false")


def test_lbfgs_descends_himmelblaus_function() -> None:
    result = run("+experiment=himmelblau", "optimizer=lbfgs", "data.repeat=10", "trainer.max_epochs=1", "figures=false")
    assert result.metrics["point/value"] < 1e-6


def test_data_and_penalties_of_a_function_descent_are_reported_as_without_effect() -> None:
    short = ("data.repeat=5", "trainer.max_epochs=1", "figures=false")
    result = run("+experiment=himmelblau", "regularizer.l2=1", *short)
    assert "regularizer has no effect on FunctionDescent, which has no weights" in result.notes
    settings = ("model=function_descent", "optimizer=sgd", "optimizer.lr=1e-3", "test=false")
    result = run(*settings, "trainer.max_epochs=1", "figures=false")
    assert any(note.startswith("data has no effect on FunctionDescent") for note in result.notes)
    assert result.metrics["monitor"] == "val/loss"
