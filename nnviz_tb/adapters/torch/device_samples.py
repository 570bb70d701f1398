"""Samples that stay on an accelerator until a step is logged, and come without anybody waiting."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nnviz_tb.adapters.samples import SampleStore
from nnviz_tb.adapters.torch.pieces import on_device
from nnviz_tb.layers import Array


class DeviceSamples(SampleStore):
    """As :class:`SampleStore`, of tensors on an accelerator.

    What :attr:`inputs` and :attr:`outputs` give is filled by the device: it may be read once all is
    done that the device was asked for before.
    """

    _inputs: list[Any]
    _outputs: list[Any]
    device: torch.device | None = None

    def add(self, inputs: Any, outputs: Any) -> None:
        """Keeps ``[rows, neurons]`` tensors of one call, chosen by ``rows_to_keep``."""
        self._inputs.append(_wide(inputs))
        self._outputs.append(_wide(outputs))
        self._rows_kept += int(inputs.shape[0])
        self.device = inputs.device

    @property
    def inputs(self) -> Array | None:
        """``float[samples, neurons]``; None when the activation was not called."""
        return _brought(self._inputs)

    @property
    def outputs(self) -> Array | None:
        """``float[samples, neurons]``, of the rows of ``inputs``."""
        return _brought(self._outputs)

    def _chosen(self, chunk: Any, rows: Any) -> Any:
        return chunk.index_select(0, on_device(rows, chunk.device))


def to_host(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in memory of the host that the device will fill, without waiting for it."""
    if tensor.device.type == "cpu":
        return tensor
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _brought(chunks: list[torch.Tensor]) -> Array | None:
    if not chunks:
        return None
    # As with arrays: where widths differ, the widest can still be told apart.
    width = max(int(chunk.shape[1]) for chunk in chunks)
    same = [chunk for chunk in chunks if chunk.shape[1] == width]
    array: Array = np.asarray(to_host(same[0] if len(same) == 1 else torch.cat(same)).numpy())
    return array
