"""Measures which rule for best.ckpt serves a user best: test accuracy of the epoch it picks, against the last epoch's.

    python -m tests.best_epoch [--seeds 20] [--epochs 20 100] [--only NAME ...] [--data-dir DIR] [--processes N]

The sets are iris, wine and breast_cancer as tables, and the experiments that monitor a validation accuracy and fit in
less than a minute. One fit per seed scores every epoch on validation and test samples; each rule picks an epoch.
The test part is read here to judge the rules, never to pick an epoch.
"""

import argparse
import csv
import os
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

TABLES = ("iris", "wine", "breast_cancer")
EXPERIMENTS = (
    "default",
    "digits",
    "logistic_regression",
    "perceptron",
    "perceptron_multi",
    "softmax_regression",
    "mnist",
)
ON_MNIST = ("softmax_regression", "mnist")


class Epoch(NamedTuple):
    """Scores at the end of an epoch."""

    number: int
    val_accuracy: float
    val_loss: float
    test_accuracy: float


# The key that is maximal for the epoch that a rule picks.
RULES: dict[str, Callable[[Epoch], tuple[float, ...]]] = {
    "accuracy, earliest": lambda epoch: (epoch.val_accuracy, -epoch.number),
    "accuracy, then loss": lambda epoch: (epoch.val_accuracy, -epoch.val_loss, epoch.number),
    "loss": lambda epoch: (-epoch.val_loss, epoch.number),
}


def fit(name: str, epochs: int, seed: int, data_dir: str) -> tuple[int, list[Epoch]]:
    """The number of validation samples, and the scores of every epoch of a fit."""
    import torch
    from lightning.pytorch import Callback, Trainer, seed_everything

    from gradexp.app.assembly import build_data, build_model
    from gradexp.app.composition import compose
    from gradexp.app.quiet import quiet_libraries
    from gradexp.engine.low_overhead import NoProfiler, QuickPrecision
    from gradexp.engine.step_seed import StepSeed

    class Scores(Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            with torch.no_grad():
                predicted = pl_module.predictions(pl_module(inputs)).argmax(dim=1)
            logged = trainer.callback_metrics
            val_accuracy, val_loss = logged["val/accuracy"].item(), logged["val/loss"].item()
            scores.append(Epoch(len(scores), val_accuracy, val_loss, (predicted == targets).double().mean().item()))

    quiet_libraries()
    torch.set_num_threads(1)
    table = ["data=table", f"data.path={data_dir}/{name}.csv", "data.target=target"]
    experiment = [] if name == "default" else [f"+experiment={name}"]
    settings = [f"seed={seed}", f"trainer.max_epochs={epochs}", f"data_dir={data_dir}"]
    cfg = compose(*(table if name in TABLES else experiment), *settings)
    seed_everything(seed, verbose=False)
    data = build_data(cfg)
    model = build_model(cfg, data)
    data.setup("test")
    batches = list(data.test_dataloader())
    inputs, targets = (torch.cat(part) for part in zip(*batches, strict=True))
    scores: list[Epoch] = []
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[StepSeed(seed), Scores()],
        plugins=[QuickPrecision()],
        profiler=NoProfiler(),
    )
    trainer.fit(model, datamodule=data)
    return data.sizes()["val"], scores


def write_tables(folder: Path) -> None:
    """The data sets of scikit-learn as CSV files."""
    from sklearn import datasets

    for name in TABLES:
        data = getattr(datasets, f"load_{name}")()
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*data.feature_names, "target"])
            writer.writerows([*row, f"class {target}"] for row, target in zip(data.data, data.target, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--only", nargs="+", choices=(*TABLES, *EXPERIMENTS), default=(*TABLES, *EXPERIMENTS))
    parser.add_argument(
        "--data-dir", type=Path, help="folder with MNIST; without it the experiments on MNIST are left out"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    names = [name for name in options.only if options.data_dir or name not in ON_MNIST]
    rows = [(name, epochs) for epochs in options.epochs for name in names]
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.data_dir:
            (folder / "MNIST").symlink_to(Path(options.data_dir, "MNIST").absolute())
        write_tables(folder)
        pool = ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"))
        # The longest first, so that no process still fits when the others have finished.
        fits = {
            row: [pool.submit(fit, *row, seed, temporary) for seed in range(options.seeds)]
            for row in sorted(rows, key=lambda row: (row[0] not in ON_MNIST, -row[1]))
        }
        print(f"{'':22}{'epochs':>7}{'val':>7}{'last':>8}" + "".join(f"{rule:>22}" for rule in RULES), flush=True)
        differences: dict[str, list[float]] = {rule: [] for rule in RULES}
        for row in rows:
            results = [future.result() for future in fits[row]]
            last = statistics.fmean(scores[-1].test_accuracy for _, scores in results)
            line = f"{row[0]:22}{row[1]:7}{results[0][0]:7}{last:8.2%}"
            for rule, key in RULES.items():
                gains = [100 * (max(scores, key=key).test_accuracy - scores[-1].test_accuracy) for _, scores in results]
                differences[rule].append(statistics.fmean(gains))
                line += f"{differences[rule][-1]:+14.2f} ± {statistics.stdev(gains) / len(gains) ** 0.5:.2f} "
            print(line, flush=True)
        means = "".join(f"{statistics.fmean(each):+14.2f}, min {min(each):+.2f}" for each in differences.values())
        print(f"{'mean over all rows':44}{means}")


if __name__ == "__main__":
    main()
