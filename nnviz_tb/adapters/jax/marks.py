"""The identity, with a name that stays in the program through ``jit``, ``grad`` and ``vmap``."""

from __future__ import annotations

from typing import Any

from jax.extend import core
from jax.interpreters import ad, batching, mlir

_tap: Any = core.Primitive("nnviz_tap")


def mark(name: str, role: str, x: Any) -> Any:
    """``x``; its program says that this is the ``role``, ``inputs`` or ``outputs``, of ``name``."""
    return _tap.bind(x, name=name, role=role)


def _identity(x: Any, *, name: str, role: str) -> Any:
    return x


def _mapped(arguments: Any, axes: Any, *, name: str, role: str) -> Any:
    return mark(name, role, arguments[0]), axes[0]


def _differentiated(primals: Any, tangents: Any, *, name: str, role: str) -> Any:
    # The tangent is none of what is marked, and goes on as it is.
    return mark(name, role, primals[0]), tangents[0]


_tap.def_impl(_identity)
_tap.def_abstract_eval(_identity)
batching.primitive_batchers[_tap] = _mapped
ad.primitive_jvps[_tap] = _differentiated
# Nothing of it is left in what XLA compiles.
mlir.register_lowering(_tap, lambda context, x, *, name, role: [x])
