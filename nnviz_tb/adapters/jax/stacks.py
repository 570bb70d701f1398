"""Modules whose weights are stacked along a first axis: layers that a scan goes through.

Flax's ``nn.scan`` and ``nnx.vmap`` and Equinox's ``filter_vmap`` keep the weights of many equal
layers in one array. People think of them as ``blocks/0``, ``blocks/1``, …, and so they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from nnviz_tb.adapters.jax.distant import Located
from nnviz_tb.adapters.jax.views import kernel_rank
from nnviz_tb.adapters.jax.weights import Path
from nnviz_tb.layers import Array


@dataclass(frozen=True)
class Group:
    """The weights of one module, in NumPy where they lie here.

    Attributes:
      path: of the module.
      owner: the module, where there is one.
      flax: its arrays are named as Flax names them.
      arrays, gradients, updates: by the weights' own names.
      trainable: names of those that an optimizer may change.
      notes: on weights that cannot be recorded.
    """

    path: Path
    owner: object | None
    flax: bool
    arrays: dict[str, Array]
    gradients: dict[str, Array]
    updates: dict[str, Array]
    trainable: frozenset[str]
    notes: tuple[str, ...]


def common_path(paths: Iterable[Path]) -> Path:
    """The innermost module that holds all of these."""
    shared = zip(*paths, strict=False)
    return tuple(names[0] for names in takewhile(lambda names: len({*names}) == 1, shared))


def unstacked(groups: Mapping[Path, Group]) -> dict[Path, list[Group]]:
    """Each module as itself alone, or as the layers that are stacked in it, by its path."""
    depths = {path: depth for path, group in groups.items() if (depth := _depth(group))}
    depths |= {
        path: depth
        for path, group in groups.items()
        if path not in depths and (depth := _depth_beside(group, depths))
    }
    stacks: dict[tuple[str, int], list[Path]] = {}
    for path, depth in depths.items():
        stacks.setdefault((path[0] if path else "", depth), []).append(path)
    roots = {key: common_path(paths) for key, paths in stacks.items()}
    found = {path: [group] for path, group in groups.items()}
    for (_, depth), root in roots.items():
        for path, group in groups.items():
            if (
                path[: len(root)] == root
                and depths.get(path) == depth
                and _can_be_cut(group, depth)
            ):
                found[path] = [_cut(group, root, i, depth) for i in range(depth)]
    return found


def _depth(group: Group) -> int:
    """How many layers are plainly stacked in a module; 0 of one that is a layer itself."""
    name, rank = kernel_rank(group.owner)
    kernel = group.arrays.get(name)
    if kernel is not None:
        return int(kernel.shape[0]) if kernel.ndim == rank + 1 else 0
    kernel, bias = group.arrays.get("kernel"), group.arrays.get("bias")
    if not group.flax or kernel is None or bias is None or kernel.ndim < 3 or bias.ndim != 2:
        return 0
    # [heads, width] of a product with several axes of neurons is no stack of biases.
    several = kernel.shape[-2:] == bias.shape
    stacked = bias.shape == (kernel.shape[0], kernel.shape[-1])
    return int(kernel.shape[0]) if stacked and not several else 0


def _depth_beside(group: Group, known: Mapping[Path, int]) -> int:
    """The same of a module of which that is plain only beside another one that is stacked."""
    if not group.flax:
        return 0

    def is_known(depth: int, root: Path) -> bool:
        return depth in {known[path] for path in known if path[: len(root)] == root}

    kernel, bias = group.arrays.get("kernel"), group.arrays.get("bias")
    if kernel is not None and bias is not None and 1 < bias.ndim < kernel.ndim:
        # A product with several axes of neurons, as attention's queries are.
        depth, *neurons = bias.shape
        fits = kernel.shape[0] == depth and kernel.shape[-len(neurons) :] == tuple(neurons)
        return int(depth) if fits and is_known(depth, group.path[:1]) else 0
    for name, rank in (("scale", 1), ("embedding", 2), ("kernel", 2)):
        array = group.arrays.get(name)
        if array is not None and array.ndim == rank + 1:
            # A kernel without a bias may be one of a convolution: the stack must be right beside.
            root = group.path[:-1] if name == "kernel" else group.path[:1]
            return int(array.shape[0]) if is_known(int(array.shape[0]), root) else 0
    return 0


def _can_be_cut(group: Group, depth: int) -> bool:
    return bool(group.arrays) and all(
        array.ndim > 1
        and array.shape[0] == depth
        and (not isinstance(array, Located) or array.can_be_cut)
        for arrays in (group.arrays, group.gradients, group.updates)
        for array in arrays.values()
    )


def _cut(group: Group, root: Path, index: int, depth: int) -> Group:
    def layer_of(arrays: dict[str, Any]) -> dict[str, Any]:
        return {name: array[index] for name, array in arrays.items()}

    return replace(
        group,
        path=(*root, str(index), *group.path[len(root) :]),
        arrays=layer_of(group.arrays),
        gradients=layer_of(group.gradients),
        updates=layer_of(group.updates),
        notes=(*group.notes, f"one of {depth} layers whose weights are stacked in one array"),
    )
