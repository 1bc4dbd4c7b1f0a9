"""Of a manifest, which others may have written, only what spans the sweep is taken, and nothing of it is executed."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradexp.app.composer import Composer
from gradexp.sweeps.launch.manifest_lines import ManifestLines
from gradexp.sweeps.plan.manifest import Manifest, PlannedJob
from tests.hydra_jobs import composing

HYDRA = "Hydra's own keys are taken from the command line alone"
INTERPOLATED = "an interpolation in a file is never resolved"
OWN_FILES = "is one of gradexp's own files"

REFUSED = {
    "hydra.callbacks.evil={_target_:evil.Evil}": HYDRA,
    "+hydra.callbacks.evil._target_=evil.Evil": HYDRA,
    "hydra.job_logging={handlers:{x:{class:evil.Evil}}}": HYDRA,
    "hydra={job_logging:{root:null}}": HYDRA,
    "hydra/launcher=joblib": HYDRA,
    "hydra/job_logging=disabled": HYDRA,
    "hydra.searchpath=[file:///tmp/evil]": HYDRA,
    "hydra.sweep.dir=/tmp/evil": HYDRA,
    "hydra.job.env_set.LD_PRELOAD=evil.so": HYDRA,
    "~hydra.callbacks.check_before_run": HYDRA,
    "+experiment@hydra.job_logging=mnist": HYDRA,
    "data.path=${oc.env:GRADEXP_SECRET}": INTERPOLATED,
    "data.path='${oc.env:GRADEXP_SECRET}'": INTERPOLATED,
    r"data.path=$\{oc.env:GRADEXP_SECRET\}": INTERPOLATED,
    "data.path=a,'${oc.env:GRADEXP_SECRET}'": INTERPOLATED,
    "+sweep.axes={data.path:['${oc.env:GRADEXP_SECRET}']}": INTERPOLATED,
    "+callbacks.x={a:{b:['${now:%Y}']}}": INTERPOLATED,
    "+experiment=../../evil": OWN_FILES,
    "+experiment=mnist,../../evil": OWN_FILES,
    "model=../evil": OWN_FILES,
}


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    with composing() as (compose, _):
        yield compose


def manifest(command: list[str], overrides: list[str] | None = None) -> Manifest:
    jobs = {"ab": PlannedJob("0", "grid", overrides or [], {})}
    return Manifest("default", "val/accuracy", "continue", command, {}, [], jobs)


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_does_not_span_the_sweep_is_refused_wherever_it_stands(line: str, composer: Composer) -> None:
    lines = ManifestLines(Path("sweep"), ["sweep.resume=sweep"], composer, ["sweep.resume=sweep"])
    for attempt in (
        lambda: lines.command(manifest(["seed=0,1", line])),
        lambda: lines.manifest(manifest(["seed=0,1"], ["seed=0", line])),
        lambda: lines(["seed=0", line]),
        lambda: lines.choices(["seed=0", line]),
    ):
        with pytest.raises(ValueError, match="must hold only settings that span the sweep; got ") as caught:
            attempt()
        assert f"{Path('sweep/manifest.json')} " in str(caught.value)
        assert repr(line) in str(caught.value)
        assert REFUSED[line] in str(caught.value)
        assert str(caught.value).endswith("type its whole command again, with sweep.resume=sweep.")


@pytest.mark.parametrize("line", [line for line in REFUSED if not line.startswith(("hydra", "+hydra", "~hydra"))])
def test_the_same_line_is_the_users_own_if_it_was_typed(line: str, composer: Composer) -> None:
    lines = ManifestLines(Path("sweep"), ["seed=0,1", line], composer, ["sweep.resume=sweep"])
    assert not lines.only_resumes
    assert lines.manifest(manifest([], ["seed=0", line])).jobs["ab"].overrides == ["seed=0", line]


def test_ordinary_lines_are_taken(composer: Composer) -> None:
    command = [
        "+experiment=mnist", "optimizer=sgd,adam", "optimizer.lr=range(1,4)", "data.path=../my data.csv",
        "~scheduler.x",
        "+sweep.axes={optimizer.lr:{optimizer:{sgd:[0.1]}}}", "+callbacks=diagnostics", "name='a b'", "task=audit",
        "+callbacks.x={monitor:val/loss,mode:max,version:3}", "+callbacks.x.filename=best",
        "optimizer._target_=torch.optim.NAdam,torch.optim.RAdam", "+metrics.f1._target_=torchmetrics.F1Score",
    ]  # fmt: skip
    typed = ["sweep.resume=sweep", "sweep.dry_run=true"]
    lines = ManifestLines(Path("sweep"), typed, composer, ["sweep.resume=sweep"])
    assert lines.only_resumes
    assert lines.command(manifest(command)) == [*command, *typed]
    assert lines(["optimizer=sgd", "seed=3"]).seed == 3


CSV = "lightning.pytorch.loggers.CSVLogger"
CHECKPOINT = "lightning.pytorch.callbacks.ModelCheckpoint"

AGAIN: list[tuple[list[str], list[str], list[str]]] = [
    # In the manifest, typed, and what the message says to type.
    (["trusted_packages=[gradexp,lion_pytorch]"], [], ["trusted_packages=[gradexp,lion_pytorch]"]),
    (
        ["optimizer._target_=lion_pytorch.Lion", "+callbacks.x={_target_:other.Callback}"],
        [],
        ["trusted_packages=[gradexp,lion_pytorch,other]"],
    ),
    (["model._target_=torch.nn.Linear,a.B,c.D"], [], ["trusted_packages=[gradexp,torch,a,c]"]),
    (
        ["model.activation=a.B", "model.init=b.c", "scheduler.lr_lambda=d.e", "regularizer.x._target_=f.g"],
        ["trusted_packages=[gradexp,b]"],
        ["trusted_packages=[gradexp,b,a,d,f]"],
    ),
    (["data.mirror='http://x/y z'"], [], ["data.mirror='http://x/y z'"]),
    (
        ["data.mirror=http://x", "trusted_packages=[a]"],
        ["data.mirror=http://mine"],
        ["data.mirror=http://mine", "trusted_packages=[gradexp,a]"],
    ),
    (["task=report", "sweep_dir=/elsewhere"], [], ["task=report", "sweep_dir=/elsewhere"]),
    (["task=predict", "input=/x", "ckpt_path=/a/b.ckpt"], [], ["task=predict", "input=/x", "ckpt_path=/a/b.ckpt"]),
    (["data_dir=/data"], ["trusted_packages=[gradexp,b]"], ["trusted_packages=[gradexp,b]", "data_dir=/data"]),
    (["+logger.x.save_dir=evil"], [], ["+logger.x.save_dir=evil"]),
    ([f"+logger.x={{_target_:{CSV},name:'../x'}}"], [], [f"+logger.x={{_target_:{CSV},name:'../x'}}"]),
    ([f"+logger.x={{_target_:{CSV},version:''}}"], [], [f"+logger.x={{_target_:{CSV},version:''}}"]),
    ([f"+callbacks.x={{_target_:{CHECKPOINT},dirpath:x}}"], [], [f"+callbacks.x={{_target_:{CHECKPOINT},dirpath:x}}"]),
]


@pytest.mark.parametrize(("given", "typed", "again"), AGAIN)
def test_packages_and_mirrors_must_be_typed_again_by_a_command_that_works(
    given: list[str], typed: list[str], again: list[str], composer: Composer
) -> None:
    resume = ["hydra/launcher=joblib", "sweep.resume='my sweep'"]
    lines = ManifestLines(Path("my sweep"), ["sweep.resume='my sweep'", *typed], composer, resume)
    for attempt in (
        lambda: lines.command(manifest(["seed=0,1", *given])),
        lambda: lines.manifest(manifest(["seed=0,1"], ["seed=0", *given])),
    ):
        with pytest.raises(ValueError, match="are never taken from a file") as caught:
            attempt()
        command = shlex.split(str(caught.value).partition("type: ")[2])
        assert command == ["python", "-m", "gradexp", "-m", *resume, *again]
    lines = ManifestLines(Path("my sweep"), ["sweep.resume='my sweep'", *again], composer, resume)
    assert lines.only_resumes
    alone = (
        "trusted_packages",
        "data",
        "task",
        "input",
        "ckpt_path",
        "sweep_dir",
        "+logger",
        "+callbacks.x={_target_:l",
    )
    kept = [line for line in given if not line.startswith(alone)]
    assert lines.command(manifest(["seed=0,1", *given])) == ["seed=0,1", *kept, "sweep.resume='my sweep'", *again]
    assert lines.manifest(manifest([], ["seed=0", *given])).jobs["ab"].overrides == ["seed=0", *kept, *again]


@pytest.mark.parametrize("key", ["ckpt_path", "data_dir", "+callbacks.x.dirpath"])
def test_an_axis_of_files_is_typed_again(key: str, composer: Composer) -> None:
    whole = manifest(["seed=0", f"{key}=/a,/b"], ["seed=0", f"{key}=/a"])
    whole.jobs["cd"] = PlannedJob("1", "grid", ["seed=0", f"{key}=/b"], {})
    for typed in ([], [f"{key}=/b,/c"]):
        lines = ManifestLines(Path("sweep"), typed, composer, ["sweep.resume=sweep"])
        with pytest.raises(ValueError, match="are never taken from a file") as caught:
            lines.manifest(whole)
        again = shlex.split(str(caught.value).partition("type: ")[2])[5:]
        assert again == [f"{key}={'/b,/c,/a' if typed else '/a,/b'}"]
    with pytest.raises(ValueError, match="is taken from the command line alone"):  # as +sweep.axes gives it
        ManifestLines(Path("sweep"), [], composer, ["sweep.resume=sweep"])([f"{key}=/a"])
    lines = ManifestLines(Path("sweep"), [f"{key}=/a,/b"], composer, ["sweep.resume=sweep"])
    assert lines.only_resumes
    assert lines.command(whole) == ["seed=0", f"{key}=/a,/b"]
    assert lines.manifest(whole) == whole
    lines.choices([f"{key}=/a"])


def test_packages_and_a_mirror_that_are_the_defaults_need_not_be_typed(composer: Composer) -> None:
    lines = ManifestLines(Path("sweep"), [], composer, [])
    assert lines.command(manifest(["seed=0,1", "trusted_packages=[gradexp]", "data.mirror=null"])) == ["seed=0,1"]


def test_a_text_that_is_no_override_gets_one_message(composer: Composer) -> None:
    lines = ManifestLines(Path("sweep"), [], composer, [])
    with pytest.raises(ValueError, match=r"sweep/manifest\.json must hold overrides; got 'seed=\[1' \("):
        lines.command(manifest(["seed=[1"]))


def test_what_is_typed_again_does_not_replace_the_null_of_an_axis(composer: Composer) -> None:
    lines = ManifestLines(Path("sweep"), ["init_from=a.ckpt"], composer, ["sweep.resume=sweep"])
    jobs = {
        "ab": PlannedJob("0", "grid", ["seed=0", "init_from=null"], {}),
        "cd": PlannedJob("1", "grid", ["seed=0", "init_from=a.ckpt"], {}),
    }
    found = lines.manifest(Manifest("default", "val/accuracy", "continue", [], {}, [], jobs)).jobs
    assert "init_from=a.ckpt" not in found["ab"].overrides
    assert "init_from=a.ckpt" in found["cd"].overrides
