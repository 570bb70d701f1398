from typing import Any

def reduce(
    block: Any, pivot: Any, first: Any, second: Any, low: Any, high: Any, count: Any, counts: Any
) -> tuple[int, int, int, int]: ...
