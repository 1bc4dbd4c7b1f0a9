"""Command lines: real keys, groups, options and experiments, with values and forms that people may type."""

import functools
from pathlib import Path
from random import Random
from typing import Any

import yaml

from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.key_rules import KEY_RULES, TASKS, TOPICS
from gradexp.configuration.values import flat
from tests.data.tiny import write_archives
from tests.fuzz import values
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited
from tests.options import option, options

# Other values of these start processes, which a case must not: jobs on other machines, workers, ranks.
PROCESSES = ("trainer.devices", "trainer.num_nodes", "trainer.strategy", "data.num_workers")
HARMLESS = ("0", "-1", "x", "null", "[]", "{a:1}", "1.5", "''", "true", "-9999999999999999999999", "[0,1]", "${seed}")
HYDRA_KEYS = (
    "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.name", "hydra.job.chdir",
    "hydra.output_subdir",
    "hydra.mode", "hydra.verbose", "hydra.job_logging.root.level", "hydra.hydra_logging", "hydra.job.num", "hydra.nope",
    "hydra.sweeper.params", "hydra.runtime.cwd", "hydra/job_logging", "hydra/hydra_logging", "hydra/output",
    "hydra.help",
)  # fmt: skip
FLAGS = (
    ["--cfg", "job"], ["--cfg", "x"], ["--cfg", "hydra"], ["--cfg", "job", "--resolve"],
    ["--cfg", "job", "--package", "nope"],
    ["--info"], ["--info", "defaults"], ["--nope"], ["-x"], ["--config-name", "nope"], ["--config-dir", "nope"],
    ["--config-path", "nope"], ["--help"], ["--hydra-help"], ["--version"], ["--"], ["--run"], ["--multirun"],
    ["--package", "x"], ["--experimental-rerun", "nope.pickle"],
)  # fmt: skip
MULTIRUNS = ("minibatch", "vanishing_gradients", "overfitting", "regularization_path", "bias_variance")


def prepare(folder: Path) -> None:
    """MNIST's archives, tiny ones, which the experiments need."""
    write_archives(folder / "MNIST" / "raw")


def draw(random: Random, base: Path) -> Drawn:
    chosen = [_override(random) for _ in range(random.choice((1, 1, 1, 1, 1, 2, 3, 5)))]
    if random.random() < 0.3:
        chosen.insert(0, f"+experiment={random.choice(options('experiment'))}")
    if random.random() < 0.15:
        chosen.insert(0, f"task={random.choice(TASKS)}")
    flags = random.choice(FLAGS) if random.random() < 0.06 else []
    limits = limited(*chosen, f"data_dir={base}") if not flags else chosen
    is_multirun = random.random() < 0.2 or "--multirun" in flags
    if is_multirun or any(f"experiment={name}" in chosen[0] for name in MULTIRUNS):
        limits.append("sweep.dry_run=true")
    if is_multirun:
        flags = ["-m", *flags]
    return Drawn([[*flags, *limits]])


def _override(random: Random) -> str:
    if random.random() < 0.5:
        return _plain(random)
    forms = (_set, _set, _set, _add, _delete, _option, _option, _deeper, _misspelt, _hydra, _sweep, _junk)
    return random.choice(forms)(random)


def _plain(random: Random) -> str:
    """What is written in a tutorial: an option, or a number or word where one is expected."""
    if random.random() < 0.4:
        group = random.choice(("optimizer", "scheduler", "regularizer", "augmentation", "model", "data", "loss"))
        return f"{group}={random.choice(options(group))}"
    key = random.choice(("optimizer.lr", "regularizer.l1", "seed", "data.batch_size", "model.dropout", "data.val_size"))
    return f"{key}={random.choice(('0', '1', '2', '0.1', '0.5', '10', '1e-3', '100', '1000', '1e6', '4294967296'))}"


def _key(random: Random) -> str:
    return random.choice(_keys())


@functools.cache
def _keys() -> list[str]:
    """The keys that conf/ and the table of rules have."""
    content: dict[str, Any] = yaml.safe_load((CONF_DIR / "config.yaml").read_text())
    keys = [*KEY_RULES, *(key for key in flat(content) if not key.startswith(("hydra", "defaults")))]
    keys += [
        "data",
        "model",
        "optimizer",
        "scheduler",
        "loss",
        "trainer",
        "regularizer",
        "early_stopping",
        "augmentation",
    ]
    for group in ("data", "model", "optimizer", "scheduler", "loss", "regularizer", "augmentation", "trainer"):
        keys += [f"{group}.{key}" for name in options(group) for key in option(group, name)]
    return sorted(set(keys))


def _assigned(key: str, random: Random) -> str:
    if key in PROCESSES:
        return random.choice(HARMLESS)
    return values.number(random) if random.random() < 0.3 else values.value(random)


def _set(random: Random) -> str:
    key = _key(random)
    return f"{key}={_assigned(key, random)}"


def _add(random: Random) -> str:
    key = random.choice(
        (_key(random), f"{random.choice(('model', 'metrics', 'callbacks', 'logger', 'x'))}.{random.choice('abx')}")
    )
    return f"{random.choice(('+', '++', '+++', '~+', '+~'))}{key}={_assigned(key, random)}"


def _delete(random: Random) -> str:
    key = _key(random)
    return random.choice(
        (f"~{key}", f"~{key}={values.number(random)}", f"~{key.partition('.')[0]}", f"{key}", f"-{key}")
    )


def _option(random: Random) -> str:
    group = random.choice([path.name for path in sorted(CONF_DIR.iterdir()) if path.is_dir() and path.name != "hydra"])
    plus = "+" if random.random() < 0.5 and group in ("experiment", "callbacks", "problem", "sweep", "metrics") else ""
    names = [name for name in options(group) if not name.startswith("ddp")]  # these start processes
    name = random.choice(names) if random.random() < 0.85 else values.value(random)
    package = "" if random.random() < 0.9 else random.choice(("@x", "@a:b", "@_global_", "@", "@model"))
    return f"{plus}{group}{package}={name}"


def _deeper(random: Random) -> str:
    return f"{_key(random)}.{random.choice(('x', '0', 'lr', '_target_', '', '.', 'a b'))}={values.value(random)}"


def _misspelt(random: Random) -> str:
    key = list(_key(random))
    place = random.randrange(len(key))
    key[place] = random.choice(("", key[place] * 2, key[place].upper(), random.choice("xyz_-. /ä")))
    return f"{''.join(key)}={values.value(random)}"


def _hydra(random: Random) -> str:
    key = random.choice(HYDRA_KEYS)
    if key in ("hydra.run.dir", "hydra.sweep.dir"):  # a folder below the current one
        return f"{key}={values.text(random).replace('/', '').replace('..', '') or 'x'}"
    given = random.choice(("x", "null", "true", "3", "disabled", "[]", "${nope}"))
    return f"{random.choice(('', '', '+', '~'))}{key}={given}"


def _sweep(random: Random) -> str:
    key = _key(random)
    return f"{key}={random.choice(HARMLESS) if key in PROCESSES else random.choice(values.SWEPT)}"


def _junk(random: Random) -> str:
    return random.choice(
        (values.text(random), values.text(random), f"topic={random.choice(TOPICS)}", values.long(random))
    )
