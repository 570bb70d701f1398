"""JAX is deterministic on the CPU, whatever else the machine has."""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
