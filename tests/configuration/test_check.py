"""Bad configurations are refused before anything is imported, each with one message that names the full key."""

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hydra.errors import HydraException

import gradexp
from gradexp.app.composition import compose
from gradexp.configuration.check import check_config
from tests.configuration.bad_command_lines import BAD

NET = """
from lightning.pytorch import LightningModule

class Net(LightningModule):
    def __init__(self, kind="resnet", channels=4, width=8): ...
"""


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
        from gradexp.configuration.check import check_config
        from gradexp.configuration.files import CONF_DIR
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
