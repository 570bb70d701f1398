"""The processes of one distributed training: ``ranks.py SCRIPT WORLD *ARGUMENTS``.

Runs ``SCRIPT RANK WORLD *ARGUMENTS`` in so many processes. Importing torch costs each of them
seconds of processor, ten times as much as their trainings: it is done once, here, and they are
forked from it. Nothing has been computed by then, so torch has no threads that a fork would lose.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys


def main() -> int:
    """Forks the ranks; their common exit status, or 1 as soon as one has failed."""
    script, world, *arguments = sys.argv[1:]
    runpy.run_path(script, run_name="imported")
    ranks = set()
    for rank in range(int(world)):
        pid = os.fork()
        if not pid:
            sys.argv = [script, str(rank), world, *arguments]
            runpy.run_path(script, run_name="__main__")
            return 0
        ranks.add(pid)
    while ranks:
        pid, status = os.wait()
        ranks.remove(pid)
        if status:
            # The others wait for the one that failed: its word is what is worth reading.
            for other in ranks:
                os.kill(other, signal.SIGKILL)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
