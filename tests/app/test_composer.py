"""The composer of a sweep's jobs gives the configurations and the errors of Hydra."""

from collections.abc import Iterator

import pytest
from hydra.errors import HydraException
from omegaconf import DictConfig

from gradexp.app.composer import Composer
from gradexp.configuration.hashes import config_hash
from gradexp.configuration.values import without_hydra
from tests.hydra_jobs import Compose, composing, content

pytestmark = pytest.mark.slow

SAME_AS_HYDRAS: list[list[str]] = [
    [],
    ["optimizer.lr=0.1"],
    ["optimizer=sgd", "optimizer.lr=0.5"],
    ["optimizer.lr=0.5", "optimizer=sgd"],
    ["seed=3", "seed=4"],
    ["optimizer.amsgrad=true", "optimizer.lr=0.1"],
    ["optimizer._target_=torch.optim.NAdam", "optimizer.lr=0.1"],
    ["model.hidden=[]"],
    ["model.hidden=[5,6]", "optimizer.betas=[0.5,0.6]"],
    ["data.batch_size=null", "test=false", "figures=true"],
    ["data=xor", "model=logistic_regression", "regularizer=l1", "scheduler=step"],
    ["+experiment=xor"],
    ["+experiment=digits", "optimizer=sgd", "optimizer.lr=1e-2"],
    ["+experiment=linear_regression", "data.true_weight=[1.0,2.0]"],
    ["+experiment=minibatch", "~callbacks.cost_curve"],
    ["+sweep=benchmark", "sweep.final.seeds=[7,8]", "sweep.zip=[seed,optimizer]"],
    ["early_stopping={patience:3}"],
    ["early_stopping={patience:3,min_delta:0.5}", "early_stopping.patience=4"],
    ["+callbacks.mine={_target_:x.Y,p:{q:[1,{r:null}]}}", "callbacks.mine.p.q=[2]"],
    ["+callbacks.mine._target_=x.Y", "+callbacks.mine.p=1", "callbacks.mine.p=2"],
    ["++trainer.max_epochs=3"],
    ["++callbacks.mine.p=3"],
    ["~trainer.deterministic"],
    ["~augmentation"],
    ["seed=${trainer.max_epochs}", "trainer.max_epochs=7"],
    ["name=${task}-${seed}", "seed=5"],
    ["name='a b, \\'c\\' = \"d\"'"],
    ["data_dir=null", "monitor=val/loss", "target_score=-.5"],
    ["early_stopping.min_delta=inf"],
    ["+sweep.axes={seed:[1,2],optimizer.lr:{optimizer:{adam:[1]}}}"],
    ["+sweep.axes.seed=[1,2]"],
]


@pytest.fixture
def composers() -> Iterator[tuple[Composer, Compose]]:
    with composing() as both:
        yield both


def identity(cfg: DictConfig) -> str:
    return config_hash(without_hydra(cfg))


def test_the_composers_configurations_equal_hydras(composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    by_hydra = [(overrides, compose_by_hydra(overrides)) for overrides in SAME_AS_HYDRAS]
    # Twice, because values of one job must not appear in the next job.
    for overrides, expected in [*by_hydra, *reversed(by_hydra)]:
        composed = composer(overrides)
        assert content(composed) == content(expected), overrides
        assert list(composed) == [key for key in expected if key != "hydra"], overrides
        if "~augmentation" not in overrides and "++callbacks.mine.p=3" not in overrides:
            assert identity(composed) == identity(expected), overrides


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.max_epochs=5", "++trainer.max_epochs=3"],
        ["trainer.deterministic=false", "~trainer.deterministic"],
    ],
    ids=str,
)
def test_overrides_of_one_key_apply_in_typed_order(overrides: list[str], composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    assert content(composer(overrides)) == content(compose_by_hydra(overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizr.lr=1"],
        ["optimizer.lr.r=1"],
        ["trainer.max_epoch=1"],
        ["optimizer=sdg"],
        ["+seed=1"],
        ["~nothing"],
        ["seed.a=1"],
    ],
)
def test_the_composer_raises_the_errors_of_hydra(overrides: list[str], composers: tuple[Composer, Compose]) -> None:
    composer, compose_by_hydra = composers
    with pytest.raises(HydraException) as ours:
        composer(overrides)
    with pytest.raises(HydraException) as theirs:
        compose_by_hydra(overrides)
    assert str(ours.value) == str(theirs.value)
