"""The demo's runs: what each is called, what it shows, and whether it is already there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent

RUNS = {
    "tutorial/adam": "scaled inputs, Adam at 0.001: sound",
    "tutorial/unscaled": "the same on unscaled inputs: ReLUs die early",
    "tutorial/sgd-too-fast": "and plain SGD at 0.01: every ReLU dies at once",
    "digits/adam": "convolutions, Adam at 0.001: sound",
    "digits/adam-too-fast": "the same at 0.1: every ReLU dies",
    "digits/sigmoid-stack": "sigmoids, Adam at 0.03: saturated",
    "digits_torch/adam": "the sound one in PyTorch, seen in its own training passes",
}
"""What each run shows. The part before the slash is the module beside this one that trains it."""


@dataclass
class Finished:
    """Which runs a log directory holds complete, and what they were made with.

    Attributes:
      epochs: as asked for; None for each network's own number.
      sources: SHA-256 of every Python file of ours that took part in the training.
      runs: names of the complete runs.
    """

    epochs: int | None
    sources: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, logdir: Path, epochs: int | None) -> Finished:
        """What ``logdir`` holds that was made with this code and these epochs."""
        try:
            found = cls(**json.loads(_file(logdir).read_text()))
        except (OSError, ValueError, TypeError):
            return cls(epochs)
        made_with_this = all(digest(Path(path)) == sha for path, sha in found.sources.items())
        return found if made_with_this and found.epochs == epochs else cls(epochs)

    def add(self, logdir: Path, run: str, sources: list[Path]) -> None:
        """Note that ``run`` is complete."""
        self.runs.append(run)
        self.sources.update({str(path): digest(path) for path in sources})
        _file(logdir).write_text(json.dumps(self.__dict__))


def digest(path: Path) -> str:
    """SHA-256 of a file's content, "" when it is gone."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _file(logdir: Path) -> Path:
    return logdir / "demo-finished.json"
