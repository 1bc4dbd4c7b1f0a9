"""Tab completion: what is offered, and what happens to a line when Tab is pressed in each shell."""

import os
import pty
import re
import select
import shutil
import signal
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

from gradexp.app.completion import FLAGS, candidates
from gradexp.app.completion_scripts import INSTALL, answer
from gradexp.configuration.files import CONF_DIR


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["opt"], ["optimizer=", "optimizer."]),
        (["expe"], ["+experiment="]),  # the plus comes of itself
        (["+experiment=mnist_b"], ["+experiment=mnist_best"]),
        (["optimizer=rms"], ["optimizer=rmsprop"]),
        (["-m", "optimizer=sgd,ada"], ["optimizer=sgd,adagrad", "optimizer=sgd,adam", "optimizer=sgd,adamw"]),
        (["optimizer.mom"], []),  # Adam has none
        (["optimizer=sgd", "optimizer.mom"], ["optimizer.momentum="]),
        (["data=table", "data.targ"], ["data.target="]),
        (["+experiment=diabetes", "data.batch"], ["data.batch_size="]),
        (["optimizer=nesterov", "optimizer.mom"], ["optimizer.momentum="]),  # of the option that it extends
        (["optimizer=nesterov", "optimizer.de"], []),  # of its file, `defaults` is no key
        (["+experiment=mnist_fast", "data.mirr"], ["data.mirror="]),  # the data is that of `mnist`
        (["trainer"], ["trainer=", "trainer."]),
        (["-m", "trainer=cpu,d"], ["trainer=cpu,ddp", "trainer=cpu,ddp_cpu"]),
        (["trainer=ddp_cpu", "trainer.max_e"], ["trainer.max_epochs="]),
        (["trainer.max_e"], ["trainer.max_epochs="]),
        (["+trainer.limit_v"], ["+trainer.limit_val_batches="]),
        (["trainer.limit_v"], ["+trainer.limit_val_batches="]),
        (["++trainer.max_e"], ["++trainer.max_epochs="]),
        (["+exp"], ["+experiment="]),  # keys that are there need no plus
        (["+mode"], []),
        (["+trainer.max_e"], []),
        (["+tr"], ["+trainer."]),
        (["+call"], ["+callbacks.", "+callbacks="]),
        (["task=expl"], ["task=explain"]),
        (["monitor=val/a"], ["monitor=val/accuracy"]),
        (["model.activation=leaky"], ["model.activation=leaky_relu"]),
        (["test="], ["test=false", "test=true"]),
        (["hydra/launcher=vec"], ["hydra/launcher=vectorized"]),
        (["~sched"], ["~scheduler."]),
        (["ckpt_path=RU"], ["ckpt_path=RUN/"]),
        (["ckpt_path=RUN/b"], ["ckpt_path=RUN/best.ckpt"]),
        (["--cfg", ""], ["all", "hydra", "job"]),
        (["--mul"], ["--multirun"]),
        (["nothing.of.the.kind="], []),
    ],
    ids=str,
)
def test_what_is_offered(words: Sequence[str], some: list[str], own_folder: Path) -> None:
    Path("RUN").mkdir()
    Path("RUN/best.ckpt").touch()
    Path("RUN/a name with spaces").touch()
    assert candidates(words) == sorted(some)


def test_all_names_are_offered_to_a_word_not_yet_begun() -> None:
    offered = candidates([""])
    assert {"+experiment=", "data=", "seed=", "trainer.", "+sweep=", "hydra/launcher="} < set(offered)
    assert candidates([]) == offered


def test_the_flags_are_hydras() -> None:
    known = {option for action in get_args_parser()._actions for option in action.option_strings}
    assert FLAGS.keys() <= known


def test_another_word_after_the_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"must be followed by install=SHELL.*got install=csh\. Type eval"):
        answer(["install=csh"])
    answer(["uninstall=fish"])
    assert capsys.readouterr().out == "complete -e -c gradexp\n"


COMMANDS = {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config", "-i"]}
LINES = {
    "bash": 'eval "$(gradexp --shell-completion install=bash)"',
    "zsh": 'eval "$(gradexp --shell-completion install=zsh)"',
    "fish": "gradexp --shell-completion install=fish | source",
}


def test_the_help_has_one_whole_line_for_each_shell() -> None:
    footer = (CONF_DIR / "config.yaml").read_text().partition("footer: |-")[2]
    lines = [re.split(" {2,}", line.strip())[0].replace("$$", "$") for line in footer.splitlines()]
    assert [line for line in lines if "--shell-completion" in line] == [LINES[shell] for shell in LINES]
    with pytest.raises(SystemExit) as refused:
        answer(["install=csh"])
    assert all(f"{line} in {shell}" in str(refused.value) for shell, line in LINES.items())


@pytest.mark.parametrize("shell", INSTALL)
def test_tab_completes_in_a_real_shell_after_one_line(shell: str, own_folder: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = Path("bin/gradexp")
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gradexp "$@"\n')
    command.chmod(stat.S_IRWXU)
    process, terminal = pty.fork()
    if process == 0:
        paths = f"{command.parent.absolute()}:{os.environ['PATH']}"
        environment = {"PATH": paths, "HOME": str(own_folder), "TERM": "xterm", "PYTHONPATH": os.environ["PYTHONPATH"]}
        os.execvpe(shell, COMMANDS[shell], environment)
    try:
        type_in(terminal, f"{LINES[shell]}; echo rea''dy\r", r"[\r\n]ready")
        for typed, completed in (
            ("expe", r"\+experiment="),
            ("optimizer=rm", "optimizer=rmsprop "),
            ("optimizer=sgd optimizer.mom", r"optimizer\.momentum="),
        ):
            type_in(terminal, f"gradexp {typed}\t", completed)
            type_in(terminal, "\x15", "")  # Ctrl-U
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def type_in(terminal: int, keys: str, awaited: str) -> None:
    """Type, and wait until the terminal shows what is awaited: what the keys have not typed themselves."""
    os.write(terminal, keys.encode())
    seen, deadline = "", time.monotonic() + 60
    while not re.search(awaited, seen):
        assert time.monotonic() < deadline, f"{awaited} did not come: {seen!r}"
        if select.select([terminal], [], [], 0.1)[0]:
            seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x07\x08]", "", os.read(terminal, 65536).decode(errors="replace"))
