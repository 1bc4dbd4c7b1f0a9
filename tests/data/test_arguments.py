"""Arguments of data modules: their rules, messages on misspelt ones, and Lightning's command line."""

import ast
import collections.abc
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.cli import LightningCLI

import gradexp.data
import gradexp.rules
from gradexp import MLPClassifier
from gradexp.arguments import arguments_of, rule_of, rules_of
from gradexp.data import AbstractDataModule

COMMON = {"seed", "steps_per_execution"}
SAMPLES = COMMON | {"batch_size", "repeat", "shuffle", "folds", "fold", "split_seed"}
DRAWN = SAMPLES | {"val_size"}
STREAMED = DRAWN | {"eval_batch_size", "num_workers", "memory_limit"}
IMAGES = STREAMED | {"augmentation"}
WITH_RULE = {
    "Blobs": DRAWN | {"num_classes", "num_features", "radius", "num_samples"},
    "BreastCancer": DRAWN,
    "Diabetes": DRAWN,
    "Digits": IMAGES,
    "EMNIST": IMAGES | {"split"},
    "FashionMNIST": IMAGES,
    "ImageFolder": IMAGES | {"path", "image_size", "channels", "test_size", "new_rows"},
    "KMNIST": IMAGES,
    "LinearData": DRAWN | {"true_weight", "true_bias", "noise", "distribution", "num_samples"},
    "MNIST": IMAGES,
    "NoData": COMMON | {"repeat"},
    "Points": SAMPLES | {"inputs", "targets"},
    "PolynomialData": DRAWN | {"degree", "noise", "num_samples"},
    "Separable": DRAWN | {"num_features", "margin", "num_samples"},
    "Table": STREAMED | {"path", "target", "kind", "separator", "test_size", "test_path", "drop", "new_rows"},
}
NEEDED: dict[str, dict[str, Any]] = {
    "ImageFolder": {"path": "pets"},
    "Points": {"inputs": [[0.0], [1.0]], "targets": [0, 1]},
    "Table": {"path": "houses.csv", "target": "price"},
}
EXPORTED = [getattr(gradexp.data, name) for name in gradexp.data.__all__]
# Protocols and dataclasses do not check their arguments.
WITH_RULES = [cls for cls in EXPORTED if not inspect.isabstract(cls) and hasattr(cls.__init__, "__wrapped__")]
DATA_MODULES = [cls for cls in WITH_RULES if issubclass(cls, AbstractDataModule)]


def test_every_concrete_class_checks_its_arguments() -> None:
    concrete = {cls.__name__ for cls in EXPORTED if not inspect.isabstract(cls)}
    assert concrete - {"Samples"} == {cls.__name__ for cls in WITH_RULES}
    assert {cls.__name__ for cls in DATA_MODULES} == set(WITH_RULE)


@pytest.mark.parametrize("cls", DATA_MODULES)
def test_expected_arguments_have_rules(cls: type[AbstractDataModule]) -> None:
    rules = rules_of(cls.__init__)
    assert {name for name, rule in rules.items() if rule is not None} == WITH_RULE[cls.__name__]
    assert set(rules) - WITH_RULE[cls.__name__] <= {"self", "data_dir", "mirror", "classes"}


@pytest.mark.parametrize("cls", WITH_RULES)
def test_misspelt_argument_suggests_the_nearest_one(cls: Any) -> None:
    names = arguments_of(cls)
    for name in names:
        wrong = name[:-1] if name[:-1] not in names else f"{name}x"
        with pytest.raises(TypeError) as error:
            cls(**{wrong: 1})
        assert str(error.value) == f"{cls.__name__} has no argument {wrong}. Did you mean {name}?"


@pytest.mark.parametrize("cls", DATA_MODULES)
def test_lightning_cli_knows_every_argument(cls: type[AbstractDataModule], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["cli"])
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # Lightning uses deprecated names
    given = {**NEEDED.get(cls.__name__, {}), "seed": 3, "steps_per_execution": 2}
    typed = [f"--data.{name}={value}" for name, value in given.items()]
    model = ["--model.in_features=4", "--model.num_classes=2"]
    cli = LightningCLI(MLPClassifier, cls, args=[*model, *typed], run=False, seed_everything_default=False)
    assert (cli.datamodule.seed, cli.datamodule.steps_per_execution) == (3, 2)
    assert cli.datamodule.memory_limit == 2.0, "the default of the base"
    assert {f"data.{name}" for name in arguments_of(cls)} <= {action.dest for action in cli.parser._actions}


def test_user_data_module_accepts_untyped_options() -> None:
    class Two(gradexp.data.TensorDataModule):
        num_features = 1

        def __init__(self, **options: Any) -> None:
            super().__init__(None, 0, **options)

        def tensors(self, part: str) -> Any:
            raise NotImplementedError

    assert Two(seed=5).seed == 5
    with pytest.raises(TypeError, match=r"Two has no argument repeats\. Did you mean repeat\?"):
        Two(repeats=5)
    with pytest.raises(ValueError, match=r"^seed must be a whole number of at least 0; got -1"):
        Two(seed=-1)


def annotations(path: Path) -> Iterator[str]:
    """Annotations in a file: of the arguments of constructors, and of the keys of TypedDicts in options.py."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (ast.unparse(each.annotation) for each in arguments if each.annotation is not None)
        elif isinstance(node, ast.ClassDef) and path.stem == "options":
            yield from (ast.unparse(each.annotation) for each in node.body if isinstance(each, ast.AnnAssign))


def test_rules_are_readable_from_the_source_without_torch() -> None:
    names = {name: value for home in (collections.abc, typing, gradexp.rules) for name, value in vars(home).items()}
    folders = [Path(gradexp.__file__).parent / folder for folder in ("data", "callbacks")]
    texts = [text for folder in folders for path in folder.rglob("*.py") for text in annotations(path)]
    with_rules = [text for text in texts if "Annotated" in text or "Literal" in text or "Size" in text]
    assert len(with_rules) > 50
    for text in with_rules:
        assert rule_of(eval(text, dict(names))) is not None, text
