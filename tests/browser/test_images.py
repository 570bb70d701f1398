"""The README's pictures, taken of the real panel; `--update-images` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_process import DemoProcess
from panel_page import PanelPage
from PIL import Image
from playwright.sync_api import expect
from shells import Shells

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PICTURES = {
    "overview": ("Overview", "digits/sigmoid-stack", None),
    "findings": ("Findings", "digits/sigmoid-stack", None),
    "activations": ("Activations", "digits/sigmoid-stack", None),
    "neurons": ("Neurons", "digits/adam", "conv_2"),
}
MAX_BYTES = 1 << 20


@pytest.mark.parametrize("name", PICTURES)
def test_the_readmes_picture_is_of_a_view_that_still_draws(
    name: str,
    demo: DemoProcess,
    shells: Shells,
    root: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    view, run, layer = PICTURES[name]
    kept = root / "docs" / "images" / f"{name}.png"
    with PanelPage.opened(shells, demo.address, kept=True) as page:
        page.only_run(run)
        page.view(view)
        if layer is not None:
            page.layer(layer)
        if name == "findings":  # words, no chart
            expect(page.panel.get_by_text("What usually helps").first).to_be_visible()
            page.settled()
        else:
            page.all_drawn()
        # Looking at each chart has scrolled to the last one.
        page.panel.locator("main").evaluate("element => element.scrollTo(0, 0)")
        taken = tmp_path / kept.name
        page.page.screenshot(path=taken)
        assert page.complaints == []
    if request.config.getoption("--update-images"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(taken.read_bytes())

    with Image.open(taken) as now, Image.open(kept) as shown:
        assert shown.size == now.size
    assert kept.stat().st_size < MAX_BYTES
