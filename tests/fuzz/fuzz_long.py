"""The long pass of the fuzzers; what it found stands in ``README.md``.

    python tests/fuzz/fuzz_long.py SECONDS [SEED]        by mutation, every target in turn
    python tests/fuzz/fuzz_long.py --atheris TARGET …    guided by coverage (pip install atheris)

The second takes libFuzzer's own arguments, ``-max_total_time=600`` for one. An input that fails is
written to ``crash-*`` and printed in full.
"""

from __future__ import annotations

import collections
import hashlib
import resource
import sys
import tempfile
import time
from pathlib import Path


def by_mutation(seconds: float, seed: int) -> int:
    """Runs every target for its share of the time; returns how many inputs failed."""
    from mutation import mutated
    from targets import TARGETS, seeds

    failures = 0
    for name, target in TARGETS.items():
        corpus, cases, batch = seeds()[name], 0, 0
        faults: collections.Counter[str] = collections.Counter()
        slowest = 0.0
        end = time.monotonic() + seconds / len(TARGETS)
        while time.monotonic() < end:
            batch += 1
            for content in mutated(corpus, 500, seed * 1_000_003 + batch):
                cases += 1
                start = time.perf_counter()
                try:
                    target(content)
                except Exception as error:
                    what = f"{type(error).__name__}: {error}"[:200]
                    if not faults[what]:
                        _keep(name, content, what)
                    faults[what] += 1
                slowest = max(slowest, time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name:10} {cases:9} cases, {len(faults)} findings, slowest {slowest * 1e3:.0f} ms, "
            f"peak {peak:.0f} MiB",
            flush=True,
        )
        failures += sum(faults.values())
    return failures


def _keep(name: str, content: bytes, what: str) -> None:
    path = Path(f"crash-{name}-{hashlib.sha256(content).hexdigest()[:12]}")
    path.write_bytes(content)
    print(f"{name}: {what}\n  {content!r}\n  kept in {path}", flush=True)


def by_coverage(name: str, arguments: list[str]) -> None:
    """Hands one target to libFuzzer; does not return."""
    import atheris

    with atheris.instrument_imports(include=["nnviz_tb", "json", "urllib"]):
        from targets import TARGETS, seeds

    corpus = Path(tempfile.mkdtemp(prefix=f"nnviz-fuzz-{name}-"))
    for place, content in enumerate(seeds()[name]):
        (corpus / str(place)).write_bytes(content)
    atheris.Setup([sys.argv[0], str(corpus), *arguments], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Chooses the way by the first argument."""
    sys.path.insert(0, str(Path(__file__).parent))
    if len(sys.argv) > 2 and sys.argv[1] == "--atheris":
        by_coverage(sys.argv[2], sys.argv[3:])
        return 0
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    return 1 if by_mutation(float(sys.argv[1]), int((sys.argv[2:] or ["1"])[0])) else 0


if __name__ == "__main__":
    sys.exit(main())
