"""Draws jobs that a stack can train: what they share, and what each has for itself."""

from collections.abc import Sequence
from random import Random

Job = list[str]

TABLES = {"kind": "parity_kinds.csv", "number": "parity_numbers.csv"}
MLP = ("model=mlp_classifier", "model=mlp_classifier", "model=mlp_from_scratch")
# Data, with the models that learn from them.
IMAGES = ("data=digits",)
CLASSES = (
    "data=blobs", "data=four_blobs", "data=wide_blobs", f"data=table data.path={TABLES['kind']} data.target=kind",
)  # fmt: skip
TWO_CLASSES = ("data=blobs", "data=wide_blobs", "data=breast_cancer")
NUMBERS = ("data=diabetes", f"data=table data.path={TABLES['number']} data.target=number", "data=linear")
KINDS: Sequence[tuple[Sequence[str], Sequence[str]]] = (
    (IMAGES, (*MLP, "model=softmax_regression", "model=sigmoid_units")),
    (IMAGES, MLP),
    (CLASSES, (*MLP, "model=softmax_regression", "model=sigmoid_units")),
    (TWO_CLASSES, ("model=logistic_regression", "model=logistic_regression", "model=sigmoid_units", *MLP)),
    (("data=xor",), ("model=small_mlp",)),
    (NUMBERS, ("model=linear_regression", "model=mlp_regressor")),
    (("data=polynomial", "data=three_points"), ("model=linear_regression",)),
    (("data=none",), ("model=function_descent",)),
)
TINY = ("data=xor", "data=three_points")
SURFACES = ("himmelblau", "rosenbrock", "beale", "rastrigin", "saddle", "styblinski_tang")
# Options of the group or classes, each with a range of learning rates.
OPTIMIZERS: Sequence[tuple[str, float, float]] = (
    ("optimizer=sgd", 0.01, 0.3), ("optimizer=momentum", 3e-3, 0.1), ("optimizer=nesterov", 3e-3, 0.1),
    ("optimizer=adam", 3e-4, 1e-2), ("optimizer=adamw", 3e-4, 1e-2), ("optimizer=rmsprop", 3e-4, 3e-3),
    ("optimizer=adagrad", 3e-3, 0.05), ("optimizer._target_=torch.optim.NAdam", 3e-4, 1e-2),
    ("optimizer._target_=torch.optim.Adamax", 3e-4, 1e-2), ("optimizer._target_=torch.optim.RAdam", 3e-4, 1e-2),
    ("optimizer._target_=torch.optim.Adadelta", 0.1, 1.0), ("optimizer._target_=torch.optim.Adafactor", 1e-3, 1e-2),
    ("optimizer._target_=torch.optim.ASGD", 0.01, 0.1),
    ("optimizer._target_=lion_pytorch.Lion trusted_packages=[gradexp,lion_pytorch]", 1e-4, 1e-3),
    ("optimizer=adam optimizer.amsgrad=true", 3e-4, 1e-2), ("optimizer=rmsprop optimizer.centered=true", 3e-4, 3e-3),
)  # fmt: skip
ACTIVATIONS = ("relu", "relu", "tanh", "sigmoid", "gelu", "torch.nn.PReLU", "leaky_relu")
INITS = ("default", "xavier_uniform", "lecun_normal", "kaiming_normal", "torch.nn.init.orthogonal_")


def draw(random: Random, members: int, kind: int | None = None) -> list[Job]:
    """The command lines of a few jobs, of which all that can share a stack do.

    Args:
        random: Decides everything.
        members: How many jobs.
        kind: Which of the KINDS of data and models; None for any.
    """
    sources, models = random.choice(KINDS) if kind is None else KINDS[kind]
    source, model = random.choice(sources), random.choice(models)
    shared = ["threads=1", *source.split(), model, *_data(source, random), *_model(model, random)]
    optimizer, low, high = random.choice(OPTIMIZERS)
    shared += optimizer.split()
    shared += _maybe(0.3, f"trainer.check_val_every_n_epoch={random.choice((2, 3))}", random)
    shared += _maybe(0.7, f"trainer.log_every_n_steps={random.choice((1, 3, 7))}", random)
    shared += _maybe(0.2, "trainer.gradient_clip_algorithm=value", random)
    shared += _maybe(0.2, "+callbacks=sparsity", random)
    shared += _loss(model, random)
    if model not in ("model=function_descent",):
        shared += _maybe(0.2, "+regularizer.group_lasso=1e-4", random)
        shared += _maybe(0.5 if "sgd" in optimizer else 0, "regularizer.proximal=true", random)
    shared += _monitor(shared, source, random)
    shared += _maybe(0.7, "test=false", random)
    return [[*shared, *_own(shared, low, high, random)] for _ in range(members)]


def _maybe(share: float, override: str, random: Random) -> list[str]:
    return [override] if random.random() < share else []


def _data(source: str, random: Random) -> list[str]:
    if source == "data=none":
        return [f"data.repeat={random.randint(5, 60)}"]
    if source == "data=digits":
        size = random.choice(("64", "100", "256", "1000", "null"))
        augmented = _maybe(0.25, f"augmentation={random.choice(('affine', 'elastic'))}", random)
        return [f"data.batch_size={size}", *augmented, *_maybe(0.3, "data.val_size=0.1", random)]
    size = random.choice(("2", "null") if source in TINY else ("7", "16", "50", "null"))
    length = random.choice((1, 2, 5)) if size in ("7", "16") else random.choice((3, 5, 20))
    return [f"data.batch_size={size}", f"data.repeat={length}", *_maybe(0.3, "data.steps_per_execution=1", random)]


def _model(model: str, random: Random) -> list[str]:
    if model == "model=function_descent":
        return [f"model.surface={random.choice(SURFACES)}", *_maybe(0.5, "model.start=[0.3,-0.2]", random)]
    if model not in ("model=mlp_classifier", "model=mlp_from_scratch", "model=mlp_regressor"):
        return []
    found = [f"model.hidden={random.choice(('[5]', '[8]', '[12,6]', '[9,9,9]', '[]', '[150,60]'))}"]
    if model != "model=mlp_from_scratch":
        found.append(f"model.activation={random.choice(ACTIVATIONS)}")
    return found


def _loss(model: str, random: Random) -> list[str]:
    weights = _maybe(0.4, "loss.class_weight=balanced", random)
    if model in ("model=linear_regression", "model=mlp_regressor"):
        return [f"loss={random.choice(('default', 'mse', 'l1', 'huber'))}"]
    if model == "model=sigmoid_units":
        return [f"loss={random.choice(('default', 'bce', 'huber'))}"]
    if model == "model=logistic_regression":
        return [f"loss={random.choice(('bce', 'hinge'))}", *weights]
    if model in ("model=mlp_classifier", "model=softmax_regression"):
        if model == "model=mlp_classifier" and random.random() < 0.1:
            return ["loss=nll", "model.output_activation=log_softmax"]
        if random.random() < 0.1:
            return ["loss._target_=torch.nn.CrossEntropyLoss", "loss.label_smoothing=0.1"]
        return [f"loss={random.choice(('cross_entropy', 'cross_entropy', 'hinge'))}", *weights]
    return []


def _monitor(shared: Job, source: str, random: Random) -> list[str]:
    """A metric that exists, and rarely no validation."""
    without = source in ("data=none", "data=linear", "data=polynomial", "data=xor", "data=three_points")
    if not without and random.random() < 0.1:
        shared.append("data.val_size=0")
        without = True
    if without:
        return [f"monitor={random.choice(('train/loss', 'train/objective'))}"]
    is_regression = "model=linear_regression" in shared or "model=mlp_regressor" in shared
    names = ("val/loss", "val/r2", "val/mse") if is_regression else ("val/loss", "val/accuracy", "train/accuracy")
    return [f"monitor={random.choice(names)}"]


def _own(shared: Job, low: float, high: float, random: Random) -> Job:
    """What one member of the stack has for itself."""
    own = [f"seed={random.randrange(5)}", f"optimizer.lr={low * (high / low) ** random.random():.3g}"]
    own += _maybe(0.02, "optimizer.lr=1e9", random)
    own.append(f"trainer.max_epochs={random.choice((1, 2, 3, 3, 4))}")
    line = " ".join(shared)
    if "optimizer=" in line:
        own += _maybe(0.4, f"optimizer.weight_decay={random.choice(('0', '1e-3', '0.05'))}", random)
    if "adam" in line and "optimizer=" in line:
        first, second = random.choice((0.5, 0.9)), random.choice((0.9, 0.99))
        own += _maybe(0.4, f"optimizer.betas=[{first},{second}]", random)
        own += _maybe(0.3, f"optimizer.eps={random.choice(('1e-8', '1e-4'))}", random)
    if "momentum" in line or "rmsprop" in line:
        own += _maybe(0.4, f"optimizer.momentum={random.choice(('0.5', '0.9'))}", random)
    if "rmsprop" in line:
        own += _maybe(0.4, f"optimizer.alpha={random.choice(('0.9', '0.99'))}", random)
    own += _schedule(random)
    share = 1 if "clip_algorithm" in line else 0.3
    own += _maybe(share, f"trainer.gradient_clip_val={random.choice(('0.1', '1.0', '0.01'))}", random)
    if "model=function_descent" not in line:
        own += _maybe(0.3, f"regularizer.l2={random.choice(('1e-4', '1e-2'))}", random)
        own += _maybe(0.3, f"regularizer.l1={random.choice(('1e-5', '1e-3'))}", random)
    if "loss=cross_entropy" in line or "CrossEntropyLoss" in line:
        own += _maybe(0.4, f"loss.label_smoothing={random.choice(('0.05', '0.2'))}", random)
    if "model=mlp_classifier" in line or "model=mlp_regressor" in line:
        own += _maybe(0.3, f"model.dropout={random.choice(('0.1', '0.5'))}", random)
        own += _maybe(0.15, f"model.input_dropout={random.choice(('0.1', '0.3'))}", random)
        own += _maybe(0.5, f"model.init={random.choice(INITS)}", random)
    if random.random() < 0.3:
        own += [f"early_stopping.patience={random.choice((0, 1, 2))}"]
        own += _maybe(0.3, f"early_stopping.min_delta={random.choice(('0.001', '0.1'))}", random)
    own += _maybe(0.2, f"target_score={random.choice(('0.4', '1.5'))}", random)
    return own


def _schedule(random: Random) -> list[str]:
    name = random.choice(("none", "none", "cosine", "step", "onecycle", "plateau"))
    own = [f"scheduler={name}"]
    if name == "step":
        own += [f"scheduler.step_size={random.choice((1, 2))}", f"scheduler.gamma={random.choice((0.3, 0.9))}"]
    if name == "onecycle":
        return [*own, *_maybe(0.3, "scheduler.pct_start=0.5", random)]
    if name == "plateau":
        own += [f"scheduler.patience={random.choice((0, 1))}"]
    return [*own, *_maybe(0.3, f"scheduler.warmup_steps={random.choice((2, 2, 5, 30))}", random)]


def write_tables() -> None:
    """Write the tables that some jobs read into the current folder."""
    from pathlib import Path

    random = Random(0)
    rows = [(random.gauss(0, 1), random.random(), random.choice("abc")) for _ in range(120)]
    for name, path in TABLES.items():
        lines = [f"x,y,colour,{name}"]
        for x, y, colour in rows:
            target = ("low", "mid", "high")[(x > 0) + (colour == "a")] if name == "kind" else f"{2 * x - y:.3f}"
            lines.append(f"{x:.4f},{y:.4f},{colour},{target}")
        Path(path).write_text("\n".join([*lines, ""]))
