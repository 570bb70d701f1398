"""Which axis of a tensor holds the neurons, told from the module that made it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nnviz_tb.adapters.torch.modules import torch_kinds
from nnviz_tb.adapters.torch.pieces import on_device

GUESSED_AXIS_NOTE = "axis 1 of its inputs is taken as the neurons: no module before it says"

_SPATIAL = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3}
_SECOND_AXIS = ("_BatchNorm", "_InstanceNorm", "GroupNorm")
_LAST_AXIS = ("Linear", "Bilinear", "LayerNorm", "RMSNorm", "Embedding", "EmbeddingBag")
_LAST_AXIS_OF_MANY = ("RNNBase", "RNNCellBase", "MultiheadAttention")


class Convention:
    """Where the modules that ran last keep their channels. Begins knowing nothing."""

    def __init__(self) -> None:
        self._spatial: int | None = None
        self._second = False
        self._channels = 0
        self._known = False

    def after(self, module: nn.Module) -> None:
        """Notes that the module has run; one that leaves the axes as they are changes nothing."""
        kinds = torch_kinds(module)
        spatial = next((_SPATIAL[kind] for kind in kinds if kind in _SPATIAL), None)
        if spatial is None:
            spatial = next(
                (int(kind[13]) for kind in kinds if kind.startswith("ConvTranspose")), None
            )
        second = any(kind in _SECOND_AXIS for kind in kinds)
        last = any(kind in _LAST_AXIS or kind in _LAST_AXIS_OF_MANY for kind in kinds)
        if spatial is None and not second and not last:
            return
        self._known, self._spatial, self._second = True, spatial, second
        self._channels = int(
            getattr(module, "out_channels", 0)
            or getattr(module, "num_features", 0)
            or getattr(module, "num_channels", 0)
            or 0
        )

    def axis_of(self, shape: tuple[int, ...]) -> tuple[int, bool]:
        """The axis of the neurons, from 0, and whether that was guessed."""
        rank = len(shape)
        if not self._known:
            return (1, True) if rank >= 4 else (rank - 1, False)
        if self._second:
            axis = 1 if rank >= 2 else 0
        elif self._spatial is not None and rank > self._spatial:
            axis = rank - self._spatial - 1
        else:
            return rank - 1, False
        # Patches of an image become a sequence without any module that would say so.
        if self._channels and shape[axis] != self._channels == shape[-1]:
            return rank - 1, False
        return axis, False


def named_axis(module: nn.Module) -> int | None:
    """The axis that the module itself names: of functions over one axis, and of a PReLU."""
    kind = type(module).__name__
    if kind == "Softmax2d":
        return -3
    if kind in ("Softmax", "LogSoftmax", "Softmin", "GLU"):
        axis = getattr(module, "dim", None)
        return -1 if axis is None else int(axis)
    if isinstance(module, nn.PReLU) and module.num_parameters > 1:
        return 1
    return None


def rows_of(tensor: torch.Tensor, axis: int) -> tuple[int, int]:
    """How many samples and how many neurons the tensor holds."""
    columns = int(tensor.shape[axis])
    return (tensor.numel() // columns if columns else 0), columns


def sampled(tensor: torch.Tensor, axis: int, rows: NDArray[np.int64] | None) -> torch.Tensor:
    """``[samples, neurons]`` of the tensor, a copy; the given samples or all of them."""
    moved = tensor.detach().movedim(axis, -1)
    if rows is None:
        return moved.reshape(-1, moved.shape[-1]).clone()
    places = np.unravel_index(rows, tuple(moved.shape[:-1]))
    return moved[tuple(on_device(place, moved.device) for place in places)]
