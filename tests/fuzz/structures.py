"""Mutations of plain data as checkpoints, manifests and configurations hold it: remove, replace, retype, rename."""

from random import Random
from typing import Any

import torch
from torch import Tensor

SCALARS = (
    None, True, False, 0, 1, -1, 2, 10**20, -(2**63), 0.5, -0.5, 1e308, float("nan"), float("inf"), "", "x",
    "ä", "1", "nan",
    "../x", "/", "a\nb", "[red]x", "=1+1", "${seed}", "${oc.env:HOME}", "${nope}", "${", "completed", "failed",
    "val/loss",
    "train/loss", "os.system", "x" * 10_000, b"bytes",
)  # fmt: skip


def replacement(random: Random) -> Any:
    """A small value of any plain type."""
    return random.choice(
        (
            random.choice(SCALARS),
            random.choice(SCALARS),
            random.choice(SCALARS),
            [],
            {},
            [1, "x", None],
            {"a": 1},
            {"a": {"b": []}},
            [[]],
            {1: 2},
            (1, 2),
        )
    )


def mutate(root: Any, random: Random, tensors: bool = False) -> tuple[Any, str]:
    """Change one part of the data in place; returns the data and what was done, in words.

    Args:
        root: Dictionaries, lists, scalars and tensors.
        random: The random stream.
        tensors: Whether a value may become a tensor, which JSON and YAML cannot hold.
    """
    holder, key, path = _place(root, random)
    if holder is None:
        new = replacement(random)
        return new, f"everything replaced by {new!r}"
    old = holder[key]
    what = random.choice(("remove", "replace", "replace", "retype", "rename", "swap", "repeat"))
    if isinstance(old, Tensor) and random.random() < 0.7:
        holder[key], said = _tensor(old, random)
        return root, f"{path} {said}"
    if what == "remove":
        del holder[key]
        return root, f"{path} removed"
    if what == "retype":
        holder[key] = _retyped(old, random)
        return root, f"{path} retyped from {type(old).__name__} to {_short(holder[key])}"
    if what == "rename" and isinstance(holder, dict):
        name = random.choice((f"{key}x", "", "__class__", "self", 0, None, "a.b", "format", "hydra"))
        holder[name] = holder.pop(key)
        return root, f"{path} renamed to {name!r}"
    if what == "swap" and len(holder) > 1:
        other = random.choice([one for one in _keys(holder) if one != key])
        holder[key], holder[other] = holder[other], holder[key]
        return root, f"{path} swapped with {other!r}"
    if what == "repeat" and isinstance(holder, list):
        holder += [old] * random.choice((1, 1, 100))
        return root, f"{path} repeated"
    holder[key] = (
        torch.randn(random.choice(((), (2,), (2, 3)))) if tensors and random.random() < 0.1 else replacement(random)
    )
    return root, f"{path} replaced by {_short(holder[key])}"


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _place(root: Any, random: Random) -> tuple[Any, Any, str]:
    """A dictionary or list in the data, one of its keys, and the path to it; deeper places are likelier."""
    holder, key, path, node = None, None, "", root
    while isinstance(node, dict | list) and node and (holder is None or random.random() < 0.8):
        holder, key = node, random.choice(_keys(node))
        node = node[key]
        path += f"[{key!r}]"
    return holder, key, path


def _tensor(old: Tensor, random: Random) -> tuple[Any, str]:
    return random.choice(
        (
            lambda: (
                torch.full_like(
                    old, random.choice((float("nan"), float("inf"), 1e30)) if old.is_floating_point() else 2**30
                ),
                "not finite",
            ),
            lambda: (old.double(), "in float64"),
            lambda: (old.long(), "as whole numbers"),
            lambda: (old.to(torch.complex64), "as complex numbers"),
            lambda: (old.bool(), "as Booleans"),
            lambda: (old.flatten()[:-1].clone(), "shortened"),
            lambda: (old.unsqueeze(0), "with one more axis"),
            lambda: (old.new_zeros(0), "without elements"),
            lambda: (old.tolist(), "as a list"),
            lambda: (old.to_sparse(), "sparse"),
            lambda: (old.to("meta"), "without storage"),
            lambda: (torch.zeros(1).expand(2**40) if old.ndim else old, "expanded to 2^40 elements"),
        )
    )()


def _retyped(old: Any, random: Random) -> Any:
    forms = (
        str,
        lambda x: [x],
        lambda x: {"value": x},
        lambda x: (x,),
        lambda x: [x] * 3,
        bool,
        lambda x: -1,
        lambda x: f" {x} ",
    )
    return random.choice(forms)(old)


def _short(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:60]
