"""Reductions on the tensor's own device, held against NumPy; the CPU stands in for the device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from nnviz_tb.adapters.torch import piece_sums
from nnviz_tb.statistics.histogram import BUCKETS, NAN_BUCKET, SHIFT
from nnviz_tb.statistics.sketch import scaled, sketch

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int32]


def bucket_counts(values: np.ndarray) -> np.ndarray:
    """By NumPy alone: float32 bits shifted, a finite number kept finite, every NaN in one place."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    largest = np.finfo(np.float32).max
    narrow = np.where(np.isfinite(values), np.clip(narrow, -largest, largest), narrow)
    bucket = narrow.astype(np.float32).view(np.uint32) >> SHIFT
    return np.bincount(np.where(np.isnan(narrow), NAN_BUCKET, bucket).ravel(), minlength=BUCKETS)


def kernel(rows: int, neurons: int, dtype: torch.dtype, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(neurons, rows, generator=generator, dtype=torch.float64)
    values *= 10.0 ** torch.randint(-3, 4, values.shape, generator=generator)
    chosen = torch.rand(values.shape, generator=generator)
    values[chosen < 0.05] = 0.0
    if dtype.is_floating_point:
        values[chosen > 0.97] = float("nan")
        values[(chosen > 0.94) & (chosen < 0.96)] = float("inf")
        values[(chosen > 0.96) & (chosen < 0.97)] = -float("inf")
        values[(chosen > 0.05) & (chosen < 0.06)] = -0.0
        if dtype == torch.float64:
            values[(chosen > 0.9) & (chosen < 0.92)] = 1e100  # finite, and beyond float32
    else:
        values = values.clamp(-100, 100)
    return values.to(dtype).T  # as the adapter views a weight of torch


@pytest.mark.parametrize("with_torch", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=15, deadline=None)
@given(rows=st.integers(0, 40), neurons=st.integers(1, 9), seed=st.integers(0, 1000))
def test_a_piece_has_the_counts_and_moments_that_numpy_has(
    with_torch: bool, dtype: torch.dtype, rows: int, neurons: int, seed: int
) -> None:
    values = kernel(rows, neurons, dtype, seed)
    wide = values.double().numpy()
    sums = piece_sums.piece_sums(values, with_torch)

    np.testing.assert_array_equal(sums.counts.numpy(), bucket_counts(wide))
    assert sums.zero_count.item() == np.count_nonzero(wide == 0)
    for neuron in range(neurons):
        finite = wide[:, neuron][np.isfinite(wide[:, neuron])]
        assert sums.count[neuron].item() == finite.size
        if not finite.size:
            assert (sums.low[neuron].item(), sums.high[neuron].item()) == (np.inf, -np.inf)
            continue
        assert (sums.low[neuron].item(), sums.high[neuron].item()) == (finite.min(), finite.max())
        np.testing.assert_allclose(sums.mean[neuron].item(), finite.mean(), rtol=1e-9, atol=1e-9)
        spread = ((finite - finite.mean()) ** 2).sum()
        np.testing.assert_allclose(sums.spread[neuron].item(), spread, rtol=1e-9, atol=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in (kernel(37, 11, torch.float32, 1), kernel(37, 11, torch.float32, 1).contiguous()):
        whole = piece_sums.piece_sums(values, True)
        monkeypatch.setattr(piece_sums, "_BLOCK_ENTRIES", 50)
        parts = piece_sums.piece_sums(values, True)
        monkeypatch.undo()
        for name in ("counts", "zero_count", "count", "low", "high"):
            assert torch.equal(getattr(whole, name), getattr(parts, name)), name
        torch.testing.assert_close(whole.mean, parts.mean, rtol=1e-12, atol=0)
        torch.testing.assert_close(whole.spread, parts.spread, rtol=1e-12, atol=0)


def test_nearly_equal_weights_keep_their_spread() -> None:
    weights = 1e6 + torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)).double()
    sums = piece_sums.piece_sums(weights, True)
    wanted = weights.numpy().var(axis=0) * 1000
    np.testing.assert_allclose(sums.spread.numpy(), wanted, rtol=1e-9)


def test_squares_leave_out_what_is_not_finite_and_subtract_first() -> None:
    values = kernel(30, 5, torch.float32, 3)
    less = torch.full_like(values, 0.25)
    found = piece_sums.squares(values, less).numpy()
    off = (values - less).double().numpy()
    finite = np.isfinite(off)
    wanted = (np.where(finite, off, 0.0) ** 2).sum(axis=0)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-9)
    np.testing.assert_array_equal(found[1], finite.sum(axis=0))


def test_projections_of_pieces_add_up_to_the_sketch_of_the_whole() -> None:
    values = kernel(40, 6, torch.float32, 4)
    rows = np.arange(40)
    for parts in ([rows[:13], rows[13:]], [rows[::2], rows[1::2]]):
        sums = sum(piece_sums.projected(values[part], part, 7).numpy() for part in parts)
        np.testing.assert_allclose(scaled(sums), sketch(values.numpy(), 7), rtol=1e-5, atol=1e-4)


class NothingRead(TorchDispatchMode):
    """Fails on every operation that reads a value back, or whose result's size depends on one."""

    READING = ("_local_scalar_dense", "nonzero", "bincount", "masked_select", "unique", "item",
               "is_nonzero", "equal", "histc", "sort", "index.Tensor")  # fmt: skip

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = str(func).removeprefix("aten.")
        assert not any(name == one or name.startswith(f"{one}.") for one in self.READING), name
        return func(*args, **(kwargs or {}))


def test_no_number_is_read_back_while_a_piece_is_reduced() -> None:
    values = kernel(30, 5, torch.bfloat16, 5)
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NothingRead():
        float(values[0, 0])
    with NothingRead():
        piece_sums.piece_sums(values, True)
        piece_sums.squares(values, values)
        piece_sums.squared_change(values, values)
        piece_sums.projected(values, np.arange(30), 0)
