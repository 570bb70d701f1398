"""The container: golden files, round trips, and bytes that lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnviz_tb.errors import WireError
from nnviz_tb.reading import wire

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ARRAYS = st.dictionaries(
    st.text(max_size=12),
    hnp.arrays(
        st.sampled_from(["float32", "float64", "int32", "uint8"]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    max_size=4,
)


def test_every_golden_file_is_listed_and_every_listed_one_exists() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in GOLDEN.glob("*.nnvz"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_golden_file_holds_what_its_description_says(name: str) -> None:
    meta, arrays = wire.decode((GOLDEN / name).read_bytes())
    assert meta == EXPECTED[name]["meta"]
    assert list(arrays) == [entry["name"] for entry in EXPECTED[name]["arrays"]]
    for entry in EXPECTED[name]["arrays"]:
        array = arrays[entry["name"]]
        assert array.dtype.name == entry["dtype"]
        assert list(array.shape) == entry["shape"]
        values = np.array([float(value) for value in entry["values"]])
        np.testing.assert_array_equal(array.reshape(-1).astype(np.float64), values)


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4), ARRAYS)
def test_what_is_encoded_is_decoded_bit_for_bit(meta: Any, arrays: Any) -> None:
    body = wire.encode(meta, arrays)
    assert len(body) % wire.ALIGNMENT == 0
    found_meta, found = wire.decode(body)
    assert found_meta == meta
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_strided_and_big_endian_arrays_arrive_in_row_major_little_endian_order() -> None:
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    for array in (plain.T, plain[::-1, ::2], plain.astype(">f4")):
        _, found = wire.decode(wire.encode({}, {"a": array}))
        np.testing.assert_array_equal(found["a"], array)
        assert found["a"].dtype == np.dtype("<f4")


@pytest.mark.parametrize("dtype", ["int64", "float16", "bool", "complex64"])
def test_a_dtype_that_browsers_cannot_view_is_refused(dtype: str) -> None:
    with pytest.raises(WireError, match=dtype):
        wire.encode({}, {"a": np.zeros(2, dtype)})


def test_meta_that_is_not_json_is_refused() -> None:
    for meta in ({"x": float("nan")}, {"x": object()}):
        with pytest.raises(WireError, match="JSON"):
            wire.encode(meta, {})


def container(header: Any, data: bytes = b"", version: int = 1, magic: bytes = b"NNVZ") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(12 + len(text)) % 8)
    return struct.pack("<4sII", magic, version, len(text)) + text + data


def entry(**changes: Any) -> dict[str, Any]:
    array = {"name": "a", "dtype": "float32", "shape": [2], "offset": 0, **changes}
    return {"meta": {}, "arrays": [array]}


LIES = {
    "nothing": b"",
    "too short": b"NNVZ\1\0\0\0",
    "another magic": container({"meta": {}, "arrays": []}, magic=b"PK\3\4"),
    "a newer version": container({"meta": {}, "arrays": []}, version=2),
    "a header beyond the end": struct.pack("<4sII", b"NNVZ", 1, 1 << 31) + b"{}  ",
    "a header that is not aligned": struct.pack("<4sII", b"NNVZ", 1, 3) + b"{} ",
    "a header that is not JSON": container(b"\xff\xfe{"),
    "deep nesting": container(b"[" * 100_000),
    "a header without arrays": container({"meta": {}}),
    "a list for meta": container({"meta": [], "arrays": []}),
    "an array that is a number": container({"meta": {}, "arrays": [1]}),
    "a dtype of objects": container(entry(dtype="object"), bytes(8)),
    "a negative axis": container(entry(shape=[-1]), bytes(8)),
    "an axis of true": container(entry(shape=[True]), bytes(8)),
    "a fraction of an axis": container(entry(shape=[1.5]), bytes(8)),
    "an axis beyond the end": container(entry(shape=[1 << 60]), bytes(8)),
    "axes whose product overflows": container(entry(shape=[1 << 32, 1 << 32]), bytes(8)),
    "an empty array with a huge axis": container(entry(shape=[0, 1 << 62]), bytes(8)),
    "too many axes": container(entry(shape=[1] * 40), bytes(8)),
    "an offset beyond the end": container(entry(offset=1 << 40), bytes(8)),
    "a negative offset": container(entry(offset=-8), bytes(8)),
    "an offset that is not aligned": container(entry(offset=4), bytes(16)),
    "the same name twice": container({"meta": {}, "arrays": entry()["arrays"] * 2}, bytes(8)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_container_that_lies_is_refused(lie: str) -> None:
    with pytest.raises(WireError):
        wire.decode(LIES[lie])


@given(st.data())
def test_a_damaged_container_is_read_or_refused_but_never_breaks(data: st.DataObject) -> None:
    body = bytearray((GOLDEN / data.draw(st.sampled_from(sorted(EXPECTED)))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    try:
        _, arrays = wire.decode(bytes(body[:cut]))
    except WireError:
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(body) * max(len(arrays), 1)
