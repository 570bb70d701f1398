from collections.abc import Callable, Mapping, Sequence
from typing import Any

def append(
    fd: int,
    identity: tuple[int, int],
    wall_time: float,
    step: int,
    values: Sequence[tuple[Any, ...]],
    known: Mapping[str, Any],
    extend: Callable[[int, Any], int],
) -> int: ...
