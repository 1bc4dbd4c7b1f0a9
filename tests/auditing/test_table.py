"""Every planted fault is found by the check that is meant for it, and correct models of all kinds pass."""

import pytest
import torch

import gradexp
from tests.auditing.correct_models import CORRECT
from tests.auditing.judged_wrongly import FALSE_ALARMS, OVERLOOKED
from tests.auditing.later_cases import LATER_CORRECT, LATER_FAULTS, MISSED
from tests.auditing.planted_faults import FAULTS

pytestmark = pytest.mark.slow

CORRECT_MODELS = CORRECT | LATER_CORRECT | FALSE_ALARMS
ALL_FAULTS = FAULTS | LATER_FAULTS | OVERLOOKED


@pytest.mark.parametrize("name", CORRECT_MODELS)
def test_correct_model_passes(name: str) -> None:
    torch.manual_seed(0)
    case = CORRECT_MODELS[name]()
    before = {key: value.clone() for key, value in case.module.state_dict().items()}
    failed = gradexp.audit(case.module, case.batch, case.loss).failed
    assert failed == []
    assert all(torch.equal(value, before[key]) for key, value in case.module.state_dict().items()), "not changed"
    assert all(parameter.grad is None for parameter in case.module.parameters())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason="not found")) if name in MISSED else name
        for name in ALL_FAULTS
    ],
)
def test_planted_fault_is_found(name: str) -> None:
    torch.manual_seed(0)
    make, check = ALL_FAULTS[name]
    case = make()
    failed = [failure.name for failure in gradexp.audit(case.module, case.batch, case.loss).failed]
    assert any(found.startswith(check) for found in failed), failed


def test_table_is_large() -> None:
    assert len(CORRECT) >= 40
    assert len(FAULTS) >= 40
