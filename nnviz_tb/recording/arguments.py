"""Checks of what callers pass in; each says the argument, its value and what is allowed."""

from __future__ import annotations

import math
import numbers
import operator
import os
import re
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import ArgumentError
from nnviz_tb.schema import TAG_PREFIX

_MAX_STEP = (1 << 53) - 1
"""Steps beyond this are not whole numbers in the browser."""
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def checked_step(step: Any, name: str = "step") -> int:
    """The step as an int.

    Raises:
      ArgumentError: not an integer from 0 to 2**53 - 1; a bool is none.
    """
    if type(step) is int and 0 <= step <= _MAX_STEP:
        return step
    if not isinstance(step, (bool, np.bool_)):
        try:
            number = operator.index(step)
        except TypeError:
            number = -1
        if 0 <= number <= _MAX_STEP:
            return number
    raise ArgumentError(f"{name} must be an integer from 0 to 2**53 - 1, got {step!r:.80}")


def checked_wall_time(walltime: Any) -> float:
    """Seconds since 1970: the given ones, or now for None.

    Raises:
      ArgumentError: not a finite number.
    """
    if walltime is None:
        return time.time()
    if isinstance(walltime, numbers.Real) and math.isfinite(walltime):
        return float(walltime)
    raise ArgumentError(f"walltime must be finite seconds since 1970, got {walltime!r:.80}")


def checked_tag(tag: Any, name: str = "tag") -> str:
    """The tag.

    Raises:
      ArgumentError: not a string, empty, or one of those that the panel's own series use.
    """
    if not isinstance(tag, str) or not tag:
        raise ArgumentError(f"{name} must be a string that is not empty, got {tag!r:.80}")
    if tag.startswith(TAG_PREFIX):
        raise ArgumentError(
            f"{name} must not begin with {TAG_PREFIX!r}, where the panel's own series are, "
            f"got {tag!r:.80}"
        )
    return tag


def checked_scalar(value: Any, name: str = "scalar_value") -> float:
    """The one number that ``value`` is or holds; NaN and infinity are numbers.

    Raises:
      ArgumentError: a string, a complex number, or other than one element.
    """
    if type(value) is float:
        return value
    # float() of what is complex may be its real part and a warning.
    dtype = getattr(value, "dtype", None)
    is_complex = getattr(dtype, "kind", "") == "c" or getattr(dtype, "is_complex", False) is True
    if not is_complex and not isinstance(value, (str, bytes, bytearray, complex)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
        except Exception:
            pass  # an array of one element in one axis or more, perhaps
        try:
            array = real_array(value, name)
            if array.size == 1:
                return float(array.reshape(()).astype(np.float64))
        except Exception:
            pass  # said below, in our words
    shape = getattr(value, "shape", None)
    told = f"an array of shape {tuple(shape)}" if shape else f"{value!r:.80}"
    raise ArgumentError(f"{name} must be one real number, got {told}")


def checked_location(logdir: Any) -> str:
    """The run directory: an absolute path, or the address of a remote store's directory.

    Raises:
      ArgumentError: not a path.
    """
    try:
        path = os.fsdecode(os.fspath(logdir))
    except TypeError:
        hint = ""
        if hasattr(logdir, "add_scalar") or hasattr(logdir, "as_default"):
            hint = "; another library's writer is written through with SummaryWriter(via=writer)"
        raise ArgumentError(f"logdir must be a path, got {logdir!r:.80}{hint}") from None
    if path.startswith("file://"):
        path = path[len("file://") :]
    if not path or "\0" in path:
        raise ArgumentError(f"logdir must be a path, got {path!r:.80}")
    if is_remote(path):
        return path.rstrip("/")
    return os.path.abspath(os.path.expanduser(path))


def is_remote(location: str) -> bool:
    """Whether it is an address, as ``s3://bucket/run``, and not a path of this machine."""
    return _REMOTE.match(location) is not None


def real_array(values: Any, name: str) -> NDArray[Any]:
    """``values`` as a NumPy array of real numbers.

    Raises:
      ArgumentError: they are not.
    """
    try:
        array = np.asarray(values)
    except Exception as error:
        raise ArgumentError(f"{name} cannot be read as an array: {error}") from error
    # bfloat16 and float8 of ml_dtypes call themselves void, but have a type of their own.
    if array.dtype.kind in "fiub" or (array.dtype.kind == "V" and array.dtype.type is not np.void):
        return array
    raise ArgumentError(f"{name} must hold real numbers, got dtype {array.dtype}")


def checked_name(name: Any) -> str:
    """The name of a model, empty for the only one.

    Raises:
      ArgumentError: not a string, or one with a NUL.
    """
    if isinstance(name, str) and "\0" not in name:
        return name
    raise ArgumentError(f"name must be a string, got {name!r:.80}")


def as_directory_name(name: str) -> str:
    """The name of a child run as one path below its parent's directory.

    As in torch, ``/`` becomes ``_``; so do the other separators and NUL, and a name that only
    means "here" or "above" is given something to stand for.
    """
    plain = re.sub(r"[/\\\\:\0]", "_", name).encode("utf-8", "backslashreplace").decode()
    plain = plain.replace("\\", "_")
    return f"_{plain}" if plain.strip(". ") == "" else plain[:200]
