"""First and second derivatives of the hand-written backwards, by torch's gradcheck and gradgradcheck."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from gradexp import MLPClassifier, run
from gradexp.gradients.functions import Affine, AffineLayer, CrossEntropy, Sigmoid, SigmoidLayer


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (Affine, (drawn(0, 5, 4), drawn(1, 3, 4), drawn(2, 3))),
        (Sigmoid, (drawn(3, 5, 2),)),
        (CrossEntropy, (drawn(4, 5, 3), torch.tensor([0, 2, 1, 1, 0]))),
    ],
)
def test_gradcheck_and_gradgradcheck(function: type[torch.autograd.Function], inputs: tuple[Tensor, ...]) -> None:
    assert gradcheck(function.apply, inputs)
    assert gradgradcheck(function.apply, inputs)


def test_layers_equal_torchs() -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(AffineLayer(4, 6), SigmoidLayer(), AffineLayer(6, 3))
    torch.manual_seed(0)
    torchs = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 3))
    x, classes = drawn(5, 7, 4).detach().float(), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    CrossEntropy.apply(ours(x), classes).backward()
    nn.functional.cross_entropy(torchs(x), classes).backward()  # type: ignore[no-untyped-call]
    for one, other in zip(ours.parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_mlp_trains_by_hand_as_by_autograd(precision: str) -> None:
    settings = ["model.activation=sigmoid", "model.hidden=[16,16]", "trainer.max_epochs=2", "figures=false"]
    settings += [f"trainer.precision={precision}", "test=false", "model.dropout=0.1"]
    weights = []
    for backward in ("autograd", "by_hand"):
        result = run(*settings, f"model.backward={backward}")
        saved = torch.load(result.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        weights.append({name: value for name, value in saved.items() if name.startswith("network.")})
    assert weights[0].keys() == weights[1].keys()
    tolerance = 1e-4 if precision == "32-true" else 2e-2
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=tolerance, atol=tolerance)


def test_only_the_linear_and_sigmoid_layers_of_an_mlp_are_replaced() -> None:
    network = MLPClassifier(4, 3, hidden=[5, 5], activation="sigmoid", dropout=0.5, backward="by_hand").network
    kinds = [type(layer).__name__ for layer in network.children()]
    assert kinds == [
        "Flatten", "AffineLayer", "SigmoidLayer", "Dropout", "AffineLayer", "SigmoidLayer", "Dropout", "AffineLayer"
    ]  # fmt: skip
