"""The views against stored pictures, light and dark; `--update-images` stores them anew.

Text is drawn by whatever fonts a machine has, so single pixels say nothing. What is held is where
the marks and the colours are: both pictures are averaged over small squares before they are
compared.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from made_logs import DEAD, HEALTHY, SICK
from panel_page import Open
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXPECTED = Path(__file__).parent / "expected"
MAX_BYTES = 150_000
SQUARE_PX = 12
MEAN_DIFFERENCE = 4.0
"""Levels of 255 by which squares may differ on average: other fonts and smoothing."""
WORST_SHARE = 0.02
"""Share of squares that may differ by more than a tenth of the whole scale."""

VIEWS = {
    "overview": ("overview", (HEALTHY, SICK), {}),
    "activations": ("activations", (SICK,), {"step": "200"}),
    "neurons": ("neurons", (HEALTHY,), {"layer": "conv", "pins": "3.0@conv,5.1@conv"}),
    "findings": ("findings", (SICK,), {"layer": DEAD}),
}


def squares(picture: Image.Image) -> np.ndarray:
    """``float64[rows, columns, 3]`` mean colours of small squares."""
    pixels = np.asarray(picture.convert("RGB"), np.float64)
    rows, columns = (size // SQUARE_PX for size in pixels.shape[:2])
    cut = pixels[: rows * SQUARE_PX, : columns * SQUARE_PX]
    parts = cut.reshape(rows, SQUARE_PX, columns, SQUARE_PX, 3)
    mean: np.ndarray = parts.mean(axis=(1, 3))
    return mean


def unlike(a: Image.Image, b: Image.Image) -> str:
    """Why two pictures are not of the same; empty when they are."""
    if a.size != b.size:
        return f"{a.size} is not {b.size}"
    apart = np.abs(squares(a) - squares(b)).max(axis=2)
    if apart.mean() > MEAN_DIFFERENCE:
        return f"squares differ by {apart.mean():.1f} levels on average"
    share = float((apart > 25.5).mean())
    return f"{share:.1%} of the squares differ clearly" if share > WORST_SHARE else ""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_looks_as_its_stored_picture(
    opened: Open, name: str, dark: bool, request: pytest.FixtureRequest
) -> None:
    view, runs, state = VIEWS[name]
    kept = EXPECTED / f"{name}-{'dark' if dark else 'light'}.png"
    with opened(view, *runs, dark=dark, **state) as page:
        main = page.panel.locator("main")
        main.evaluate("element => element.scrollTo(0, 0)")
        page.settled()
        taken = Image.open(io.BytesIO(main.screenshot())).convert("RGB")
    if request.config.getoption("--update-images"):
        EXPECTED.mkdir(exist_ok=True)
        taken.quantize(64).save(kept, optimize=True)

    assert kept.stat().st_size < MAX_BYTES
    with Image.open(kept) as expected:
        assert unlike(taken, expected.convert("RGB")) == ""


def test_another_theme_or_view_would_be_noticed() -> None:
    kept = {path.stem: Image.open(path).convert("RGB") for path in sorted(EXPECTED.glob("*.png"))}
    assert len(kept) == 2 * len(VIEWS)
    for name, picture in kept.items():
        alike = [other for other, one in kept.items() if not unlike(picture, one)]
        assert alike == [name]
