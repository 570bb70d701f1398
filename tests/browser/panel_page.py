"""The panel inside TensorBoard's page, driven as a reader would."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import (
    ConsoleMessage,
    Error,
    FrameLocator,
    Locator,
    Page,
    Response,
    expect,
)
from shells import Shells

DRAWN_LIMIT_S = 20.0

# Read from copies: where a canvas itself is read, browsers keep its pixels elsewhere from then on.
# The screen, which takes a hundred times as long to look at, is what stored pictures are held to.
# They are as large as on the screen: the image of a kernel has nine pixels, made large by the page.
# A canvas that waits for a pointer is drawn where one below or above it is.
_ARE_DRAWN = """canvases => {
  const isDrawn = (canvas) => {
    const place = canvas.getBoundingClientRect();
    const [width, height] = [Math.round(place.width), Math.round(place.height)];
    if (!width || !height || !canvas.width || !canvas.height) return false;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0, width, height);
    const counts = new Map();
    for (const color of new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer)) {
      counts.set(color, (counts.get(color) ?? 0) + 1);
    }
    const marked = width * height - Math.max(...counts.values());
    return counts.size >= 8 && marked >= 0.005 * width * height;
  };
  const isOver = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const places = canvases.map((canvas) => canvas.getBoundingClientRect());
  const drawn = places.filter((_, at) => isDrawn(canvases[at]));
  return places.map((place) => drawn.some((other) => isOver(place, other)));
}"""


@dataclass
class PanelPage:
    """A TensorBoard page with the panel's tab open.

    Attributes:
      page: the whole page.
      panel: what is inside the panel's frame.
      failures: errors of the console, uncaught exceptions, failed requests.
    """

    page: Page
    panel: FrameLocator
    failures: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(
        cls, shells: Shells, address: str, dark: bool = False, state: str = "", kept: bool = False
    ) -> Iterator[PanelPage]:
        """The panel at ``address``, with the state of a copied link (``&view=neurons``).

        Args:
          kept: the server outlives the test, so that its page may serve the next one too.
        """
        page = shells.take(address, dark)
        opened = cls(page, page.frame_locator('iframe[src*="name=nnviz"]'))
        heard = {
            "console": opened._console,
            "pageerror": opened._uncaught,
            "response": opened._answered,
        }
        for event, hear in heard.items():
            page.on(event, hear)
        try:
            shells.show(page, address, dark, state)
            expect(opened.panel.get_by_role("tablist").first).to_be_visible()
            yield opened
        except BaseException:
            page.close()  # the state that a failure left must not be the next one's
            raise
        for event, hear in heard.items():
            page.remove_listener(event, hear)
        if kept:
            shells.rest(page, address, dark)
        else:
            page.close()

    def _console(self, message: ConsoleMessage) -> None:
        # TensorBoard's own page warns about parts of its own; ours must not even warn.
        ours = "/plugin/nnviz/" in message.location["url"]
        if message.type == "error" or (message.type == "warning" and ours):
            self.failures.append(f"console {message.type}: {message.text} {message.location}")

    def _uncaught(self, error: Error) -> None:
        self.failures.append(f"uncaught: {error}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.failures.append(f"{response.status} {response.url}")

    @property
    def complaints(self) -> list[str]:
        """Everything that the browser has found wrong so far, security policy included."""
        frames = [
            frame for frame in self.page.frames if "nnviz" in frame.url or "#nnviz" in frame.url
        ]
        violations = [v for frame in frames for v in frame.evaluate("window.nnvizViolations")]
        return [*self.failures, *violations]

    def view(self, name: str) -> None:
        """Opens one of the panel's views by its tab."""
        # The tab of the findings says their number too.
        self.panel.get_by_role("tab", name=re.compile(rf"^\s*{name}\b")).click()
        expect(self.panel.get_by_role("tabpanel", name=name)).to_be_visible()

    def only_run(self, run: str) -> None:
        """Shows this run and no other."""
        name = self.panel.locator("bdi").get_by_text(run, exact=True)
        row = self.panel.locator("nn-sidebar li.run").filter(has=name)
        row.hover()
        row.get_by_role("button").click()

    def layer(self, name: str) -> None:
        """Chooses a layer in the list."""
        self.panel.locator("nn-sidebar button.layer").filter(
            has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")
        ).click()

    def rows(self) -> Locator:
        """The layers that the overview shows, from top to bottom."""
        return self.panel.locator("nn-overview-view .line.layer")

    def cell(self, layer: str, column: str) -> Locator:
        """A cell of the overview."""
        row = f'nn-overview-view .line.layer[data-layer="{layer}"]'
        return self.panel.locator(f'{row} .cell[data-column="{column}"]')

    def saved(self, button: Locator) -> bytes:
        """The file that a click on the button saves."""
        with self.page.expect_download() as download:
            button.click()
        return download.value.path().read_bytes()

    def charts(self) -> Locator:
        """The canvases of the view that is open, without the timeline."""
        return self.panel.locator("main canvas:visible")

    def drawn(self, canvases: Locator) -> list[bool]:
        """Of each canvas: whether there are marks in its place, not just a plain surface."""
        found: list[bool] = canvases.evaluate_all(_ARE_DRAWN)
        return found

    def all_drawn(self) -> None:
        """Waits until every chart of the view shows marks.

        Raises:
          AssertionError: one stays blank, or there is none.
        """
        expect(self.charts().first).to_be_visible()
        deadline = time.monotonic() + DRAWN_LIMIT_S
        while True:
            self.settled()
            drawn = self.drawn(self.charts())
            if (drawn and all(drawn)) or time.monotonic() > deadline:
                break
        assert drawn
        blank = [place for place, is_drawn in enumerate(drawn) if not is_drawn]
        assert blank == [], f"{len(blank)} of {len(drawn)} charts are blank: {blank}"

    def settled(self) -> None:
        """Waits until nothing loads and what came has been drawn."""
        expect(self.panel.locator(".skeleton")).to_have_count(0)
        expect(self.panel.locator('[aria-busy="true"]')).to_have_count(0)
        self.page.wait_for_timeout(300)


Open = Callable[..., AbstractContextManager[PanelPage]]
"""Opens the panel over the made logs, as the fixture ``opened`` says."""
