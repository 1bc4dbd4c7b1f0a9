"""Bad configurations are refused before anything is imported, each with one message that names the full key."""

import itertools
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

import gradexp
from gradexp.app.composition import compose
from gradexp.app.section_loader import class_sections
from gradexp.building.class_reader import read_class
from gradexp.building.kinds import CLASS_GROUPS, KINDS, NAMED_CLASSES
from gradexp.configuration.check import check_config
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.key_rules import CLOSED_SECTIONS, KEY_RULES, OPTIONAL
from gradexp.configuration.penalty_keys import penalty_names
from gradexp.configuration.trainer_rules import SET_BY_GRADEXP, TRAINER_RULES

NET = """
from lightning.pytorch import LightningModule

class Net(LightningModule):
    def __init__(self, kind="resnet", channels=4, width=8): ...
"""

# A command line, and the words that its message must contain.
BAD: list[tuple[str, list[str]]] = [
    # wrong types
    ("optimizer.lr={a:1}", ["optimizer.lr must be a finite number above 0; got {'a': 1}"]),
    ("optimizer.lr=fast", ["optimizer.lr must be a finite number above 0; got 'fast'"]),
    ("optimizer.lr=null", ["optimizer.lr", "got None"]),
    ("optimizer.betas=[0.9]", ["optimizer.betas must be a list of 2", "[0.9]"]),
    ("optimizer.betas=[0.9,2]", ["optimizer.betas must be a list of numbers from 0 to below 1"]),
    ("optimizer.fused=maybe", ["optimizer.fused must be true or false, or null; got 'maybe'"]),
    ("early_stopping=3", ["early_stopping must be a section"]),
    ("trainer=3", ["trainer must be a section"]),
    ("optimizer._target_=3", ["optimizer._target_ must be the dotted path of an optimizer", "got 3"]),
    ("model._target_=null", ["model._target_ must be the dotted path of a LightningModule", "got None"]),
    ("trusted_packages=gradexp", ["trusted_packages must be a list of names of packages", "'gradexp'"]),
    ("trusted_packages=null", ["trusted_packages must be a list"]),
    ("loss=null", ["loss must be one of bce, cross_entropy", "got loss=null"]),
    ("optimizer=3", ["optimizer must be one of adagrad, adam", "got optimizer=3"]),
    ("optimizer.betas={a:1}", ["optimizer.betas must be a list; got {a:1}"]),
    ("trainer=3", ["trainer must be a section of keys and values; got 3"]),
    ("model.activation=torch.nn.Hardswis", ["model.activation must name an activation", "Did you mean Hardswish?"]),
    ("model.activation=os.system", ["model.activation must name a class in a trusted package (gradexp, torch.nn)"]),
    ("model.init=torch.nn.init.orthogonal_x", ["model.init must name a function", "has no orthogonal_x"]),
    ("model._target_=gradexp.models.Perceptron", ["is now called gradexp.models.SigmoidUnits"]),
    ("~monitor_mode", ["monitor_mode cannot be deleted"]),
    ("loss._target_=torch.nn.CrossEntropyLoss loss.weight=3", ["loss.weight must be a list", "got 3"]),
    ("data._target_=torchvision.datasets.MNIST trusted_packages=[gradexp,torchvision]", ["must name a data module"]),
    ("scheduler=step scheduler.last_epoch=3", ["scheduler.last_epoch is set by gradexp"]),
    ("resampling.copies=3", ["resampling.copies has no effect with task=train, only with task=bias_variance"]),
    ("topic=softmax", ["topic has no effect with task=train, only with task=explain"]),
    ("trainer.gradient_clip_algorithm=value", ["must go with trainer.gradient_clip_val"]),
    ("+trainer.min_epochs=50", ["trainer.min_epochs must be at most trainer.max_epochs, 20; got 50"]),
    ("early_stopping.min_delta=0.1", ["early_stopping.min_delta must go with early_stopping.patience"]),
    ("+scheduler.interval=step", ["scheduler.interval must go with a class in scheduler._target_"]),
    ("metrics=[1]", ["metrics must be one of f1, mae; got metrics=[1]"]),
    ("+callbacks.mine=3", ["callbacks.mine must be a section", "got 3"]),
    ("monitor_mode=up", ["monitor_mode must be one of max, min, or null; got 'up'"]),
    ("monitor=3", ["monitor must be a metric"]),
    ("name=null", ["name must be letters"]),
    ("seed=-1", ["seed must be a whole number of at least 0; got -1"]),
    ("early_stopping.min_delta=nan", ["early_stopping.min_delta must be a finite number of at least 0; got nan"]),
    ("early_stopping.patience=-1", ["early_stopping.patience"]),
    ("resampling.copies=1", ["resampling.copies must be a whole number of at least 2; got 1"]),
    ("sweep.on_failure=halt", ["sweep.on_failure must be one of continue, stop; got 'halt'"]),
    ("sweep.axes=3", ["sweep.axes must be a section"]),
    # deleted keys
    ("~seed", ["seed must be", "deleted"]),
    ("~trainer.max_epochs", ["trainer.max_epochs must be", "deleted"]),
    ("~early_stopping", ["early_stopping must be", "deleted"]),
    ("~optimizer", ["optimizer must be", "deleted"]),
    ("~optimizer._target_", ["optimizer._target_ must name an optimizer", "missing"]),
    ("~regularizer.l1", ["regularizer.l1 must be", "deleted"]),
    # arguments of the trainer
    ("trainer.accumulate_grad_batches=-1", ["trainer.accumulate_grad_batches must be a whole number of at least 1"]),
    ("trainer.accumulate_grad_batches=0", ["trainer.accumulate_grad_batches", "got 0"]),
    ("trainer.accumulate_grad_batches=null", ["trainer.accumulate_grad_batches", "got None"]),
    ("trainer.accumulate_grad_batches=two", ["trainer.accumulate_grad_batches", "got 'two'"]),
    ("trainer.check_val_every_n_epoch=0", ["trainer.check_val_every_n_epoch", "got 0"]),
    ("trainer.devices=-1", ["trainer.devices must be a whole number of at least 1, auto", "got -1"]),
    ("trainer.devices=1.5", ["trainer.devices", "got 1.5"]),
    ("+trainer.val_check_interval=0", ["trainer.val_check_interval", "got 0"]),
    ("trainer.gradient_clip_algorithm=2", ["trainer.gradient_clip_algorithm must be one of norm, value; got 2"]),
    ("+trainer.max_time=5", ["trainer.max_time must be a time as DD:HH:MM:SS", "got 5"]),
    ("trainer.deterministic=maybe", ["trainer.deterministic must be true, false or warn; got 'maybe'"]),
    ("trainer.precision=8-bit", ["trainer.precision must be one of 32-true", "'8-bit'"]),
    ("trainer.accelerator=abacus", ["trainer.accelerator must be one of auto, cpu", "'abacus'"]),
    ("trainer.max_epochs=1.5", ["trainer.max_epochs", "got 1.5"]),
    ("trainer.max_epochs=-1", ["trainer.max_epochs and trainer.max_steps must not both be -1"]),
    ("+trainer.limit_train_batches=0", ["trainer.limit_train_batches", "got 0"]),
    ("+trainer.logger=true", ["trainer.logger cannot be given", "+logger.NAME._target_=CLASS"]),
    ("+trainer.callbacks=[]", ["trainer.callbacks cannot be given", "+callbacks.NAME._target_=CLASS"]),
    ("+trainer.default_root_dir=x", ["trainer.default_root_dir cannot be given", "hydra.run.dir=FOLDER"]),
    ("+trainer.enable_progress_bar=true", ["trainer.enable_progress_bar cannot be given", "progress=true"]),
    ("+trainer.barebones=true", ["trainer.barebones cannot be given"]),
    ("+trainer.no_such=1", ["trainer.no_such is not an argument of Trainer, which takes accelerator"]),
    # keys that nothing reads
    ("+lr=0.1", ["lr is not a key of the configuration", "Did you mean optimizer.lr?"]),
    ("+regularizer.L1=0.1", ["regularizer.L1 is not a penalty", "Did you mean regularizer.l1?"]),
    ("+early_stoping.patience=3", ["early_stoping.patience is not a key", "Did you mean early_stopping.patience?"]),
    ("+early_stopping.patiense=3", ["early_stopping.patiense is not", "Did you mean early_stopping.patience?"]),
    ("+epochs=3", ["epochs is not a key", "Did you mean trainer.max_epochs?"]),
    ("+batch_size=3", ["batch_size is not a key", "Did you mean data.batch_size?"]),
    ("+sweep.dry=true", ["sweep.dry is not a key"]),
    ("data=blobs +augmentation.degrees=5", ["augmentation must be none for Blobs"]),
    ("data=blobs augmentation=elastic", ["augmentation must be none for Blobs, which has no augmentation"]),
    ("augmentation=affine augmentation.degrees=wide", ["augmentation.degrees must be", "'wide'"]),
    ("+augmentation.angle=3", ["augmentation.angle is not an argument of RandomGeometry"]),
    # classes and their arguments
    ("+optimizer.momentun=1", ["optimizer.momentun is not an argument of Adam, which takes lr, betas"]),
    ("optimizer=sgd +optimizer.momentun=1", ["optimizer.momentun", "Did you mean momentum?"]),
    ("+optimizer.params=1", ["optimizer.params is set by gradexp"]),
    ("+data.seed=1", ["data.seed is set by seed=NUMBER"]),
    ("+model.in_features=1", ["model.in_features is set by the data"]),
    ("optimizer._target_=torch.optim.Admw", ["optimizer._target_ must name an optimizer", "Did you mean Adam"]),
    ("optimizer._target_=torch.optim.lr_scheduler.StepLR", ["optimizer._target_ must name an optimizer"]),
    ("optimizer._target_=os.system", ["trusted package (gradexp, torch.optim)", "trusted_packages=[gradexp,os]"]),
    ("data._target_=gradexp.data.MNITS", ["data._target_ must name a data module", "Did you mean MNIST?"]),
    ("data._target_=gradexp.dta.MNIST", ["data._target_ must name a data module", "no module gradexp.dta"]),
    ("model._target_=gradexp.models.AbstractModule", ["model._target_ must name a LightningModule"]),
    ("loss._target_=torch.nn.CrossEntropyLos", ["loss._target_ must name a loss", "Did you mean CrossEntropyLoss?"]),
    ("+scheduler.gamma=0.1", ["scheduler.gamma must go with a class in scheduler._target_"]),
    ("scheduler=step scheduler.step_size=0", ["scheduler.step_size must be a whole number of at least 1; got 0"]),
    ("scheduler=step ~scheduler.step_size", ["scheduler.step_size must be given: StepLR has no default for it"]),
    ("scheduler=cosine scheduler.interval=week", ["scheduler.interval must be one of step, epoch; got 'week'"]),
    ("+optimizer.no_decay=all", ["optimizer.no_decay must be a list of bias and norm"]),
    ("model.activation=rleu", ["model.activation must be one of relu", "Did you mean relu?"]),
    ("model.hidden=wide", ["model.hidden must be a list", "'wide'"]),
    ("+callbacks.mine._target_=gradexp.callbacks.Sparsety", ["callbacks.mine._target_", "Did you mean Sparsity?"]),
    ("+metrics.f1._target_=torchmetrics.classification.BinaryF1Score +metrics.f1.treshold=0.5",
     ["metrics.f1.treshold is not an argument of BinaryF1Score", "Did you mean threshold?"]),
    ("+logger.csv.save_dir=x", ["logger.csv._target_ must name a logger"]),
    ("+regularizer.mine._target_=os.system +regularizer.mine.factor=1", ["regularizer.mine._target_", "trusted"]),
    ("regularizer.l1=-1", ["regularizer.l1 must be a finite number of at least 0; got -1"]),
    ("regularizer.proximal=true", ["regularizer.proximal must go with SGD", "got optimizer Adam"]),
    ("task=test", ["ckpt_path must be a checkpoint for task=test; got null"]),
    ("task=explain", ["topic must be one of activations"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def messages() -> dict[str, str]:
    """The message of each bad command line, from one process that fails if a command line imports torch."""
    done = _python(f"""
        import json, sys, time
        from gradexp.app.composition import compose
        from gradexp.app.errors import explain
        explained = {{}}
        for line in {[line for line, _ in BAD]!r}:
            start = time.process_time()
            try:
                compose(*line.split())
            except Exception as error:
                explained[line] = explain(error)
            assert "torch" not in sys.modules, line
            assert time.process_time() - start < 1.5, line
        print(json.dumps(explained))
    """)
    assert done.returncode == 0, done.stderr
    explained: dict[str, str] = json.loads(done.stdout)
    return explained


@pytest.mark.slow
@pytest.mark.parametrize(("line", "words"), BAD, ids=[line for line, _ in BAD])
def test_a_bad_command_line_gets_one_message_without_torch(
    line: str, words: list[str], messages: dict[str, str]
) -> None:
    for word in ["error: ", *words]:
        assert word in messages[line]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lr=0.1", "lr is not a key of the configuration. Did you mean optimizer.lr?"),
        ("trainer.limit_val_batches=3", "can be added: +trainer.limit_val_batches=VALUE"),
    ],
)
def test_the_message_for_an_unknown_key_says_what_can_be_typed(line: str, words: str) -> None:
    from gradexp.app.errors import explain

    with pytest.raises(HydraException) as caught:
        compose(line)
    assert words in str(explain(caught.value))


@pytest.mark.parametrize(
    "line",
    [
        "+optimizer.amsgrad=true",
        "+trainer.limit_val_batches=0.5 +trainer.max_time=00:01:00:00 +trainer.profiler=simple",
        "+trainer.num_sanity_val_steps=2 trainer.deterministic=warn trainer.devices=[0,1] trainer.precision=64",
        "trainer.accumulate_grad_batches={0:1,4:2}",
        "+logger.csv._target_=lightning.pytorch.loggers.CSVLogger +logger.csv.save_dir=x",
        "+callbacks.rate._target_=lightning.pytorch.callbacks.LearningRateMonitor",
        "+width=100 model.hidden=[${width}]",
        "+scheduler.warmup_steps=10",
        "~augmentation",
        "optimizer._target_=lion_pytorch.Lion trusted_packages=[gradexp,lion_pytorch]",
        "optimizer._target_=pytorch_optimizer.Lion trusted_packages=[gradexp,pytorch_optimizer]",
    ],
)
def test_a_good_command_line_passes(line: str) -> None:
    compose(*line.split())


def test_arguments_of_a_users_class_are_checked_without_importing_it(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_folder / "strangers_net.py").write_text(NET)
    monkeypatch.syspath_prepend(own_folder)
    chosen = ["model._target_=strangers_net.Net", "trusted_packages=[gradexp,strangers_net]"]
    compose(*chosen, "+model.kind=resnet", "+model.channels=4")
    with pytest.raises(ValueError, match=r"model\.chanels is not an argument of Net.* Did you mean channels\?"):
        compose(*chosen, "+model.chanels=4")
    with pytest.raises(ValueError, match=r"optimizer\.lr has no effect: strangers_net\.Net makes its own optimizer"):
        compose(*chosen, "optimizer.lr=0.5")
    with pytest.raises(ValueError, match=r"optimizer\.lr has no effect"):
        compose(*chosen, "~optimizer.lr")
    assert "strangers_net" not in sys.modules


def test_a_good_configuration_is_checked_in_less_than_three_tenths_of_a_second() -> None:
    done = _python("""
        import time
        from hydra import compose, initialize_config_dir
        from gradexp.app.composition import CONF_DIR, check_config
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            cfg = compose("config")
        start = time.process_time()
        check_config(cfg)
        print(time.process_time() - start)
    """)
    assert float(done.stdout) < 0.3, done.stderr


def _python(code: str) -> "subprocess.CompletedProcess[str]":
    package = Path(gradexp.__file__).parent.parent
    header = f"import sys; sys.path.insert(0, {str(package)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", header + textwrap.dedent(code)], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.slow
def test_every_key_of_the_configuration_has_a_rule() -> None:
    without_rule = []
    penalties = {f"regularizer.{name}" for name in penalty_names()}
    # Experiments and problems add no keys, otherwise `compose` would refuse them (test_files.py).
    options: dict[str, list[str]] = {}
    for path in CONF_DIR.glob("*/*.yaml"):
        group = path.parent.name
        if group not in ("experiment", "problem"):
            plus = "+" if group in ("callbacks", "metrics", "sweep") else ""
            options.setdefault(group, []).append(f"{plus}{group}={path.stem}")
    # An option of each group at once: composing takes longer than all else.
    for overrides in [[], *(list(filter(None, chosen)) for chosen in itertools.zip_longest(*options.values()))]:
        with class_sections(), initialize_config_dir(str(CONF_DIR), job_name="gradexp", version_base="1.3"):
            cfg = hydra_compose("config", overrides=overrides)
        node: Any = OmegaConf.to_container(cfg, resolve=False)
        without_rule += [key for key in _leaves(node) if key not in penalties and not _has_rule(key, node)]
    assert sorted(set(without_rule)) == []


def _leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in node.items():
        key = f"{prefix}{name}"
        if (isinstance(value, Mapping) and key not in KEY_RULES) or key in ("metrics", "callbacks", "logger"):
            yield from _leaves(value, f"{key}.")
        else:
            yield key


def _has_rule(key: str, node: Mapping[str, Any]) -> bool:
    """Whether the key is in the table, or is an argument or one of the additional keys of its section's class."""
    section, _, name = key.rpartition(".")
    if key in KEY_RULES:
        return True
    group = section.partition(".")[0]
    if group == "augmentation":
        description = read_class("gradexp.data.images.augmentation.RandomGeometry")
        return (
            description is not None and description.signature is not None and name in description.signature.parameters
        )
    if group not in (*CLASS_GROUPS, *NAMED_CLASSES):
        return False
    if name == "_target_" or name in KINDS[group].own_keys:
        return True
    target = OmegaConf.select(OmegaConf.create(dict(node)), f"{section}._target_")
    description = read_class(target)
    return description is not None and description.signature is not None and name in description.signature.parameters


def test_every_trainer_argument_has_a_rule_or_is_set_by_gradexp() -> None:
    trainer = read_class("lightning.pytorch.Trainer")
    assert trainer is not None
    assert trainer.signature is not None
    assert TRAINER_RULES.keys() | SET_BY_GRADEXP.keys() == trainer.signature.parameters.keys()
    assert not TRAINER_RULES.keys() & SET_BY_GRADEXP.keys()


def test_every_key_in_the_table_exists() -> None:
    node: Any = OmegaConf.to_container(compose(), resolve=False)
    for key in KEY_RULES.keys() - set(OPTIONAL):
        section, _, name = key.rpartition(".")
        assert name in (node[section] if section else node), key
    assert set(CLOSED_SECTIONS) <= node.keys()


def test_a_hundred_jobs_are_checked_in_two_seconds() -> None:
    cfg = compose()
    start = time.process_time()
    for _ in range(100):
        check_config(cfg)
    assert time.process_time() - start < 2


def test_hydra_sweep_subdir_is_refused_under_the_grid_sweeper(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.command_line import call

    message = call(monkeypatch, "-m", "hydra.sweep.subdir=mine", "seed=0,1")
    assert "hydra.sweep.subdir must go with another sweeper" in str(message)
