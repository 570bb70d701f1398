"""TensorBoard's pages in Chromium, kept open from test to test.

TensorBoard's own page takes some seconds of processor to load, the panel in its frame a tenth of
one. A test gets the page of the one before it with the frame loaded anew, storage empty, and the
address it asks for; the page is not what is tested.
"""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

WIDTH_PX, HEIGHT_PX = 1440, 900
TIMEOUT_MS = 20_000

# Violations of the page's security policy are events; each frame keeps its own, from the start.
_WATCH_POLICY = """
window.nnvizViolations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.nnvizViolations.push(`${event.violatedDirective} by ${event.sourceFile}`));
"""
_READDRESS = """address => {
  localStorage.clear();
  sessionStorage.clear();
  history.replaceState(null, "", address);
}"""


class Shells:
    """The pages of one browser.

    Attributes:
      browser: theirs.
    """

    def __init__(self, browser: Browser, locale: str = "en-GB") -> None:
        """None is opened yet; ``locale`` is the reader's."""
        self.browser = browser
        self._locale = locale
        self._contexts: dict[bool, BrowserContext] = {}
        self._resting: dict[tuple[str, bool], Page] = {}

    def take(self, server: str, dark: bool) -> Page:
        """A page for :meth:`show`: one that rests, else a new one."""
        resting = self._resting.pop((server, dark), None)
        if resting is None:
            return self._context(dark).new_page()
        # Behind the page of another server it would get one animation frame a second.
        resting.bring_to_front()
        return resting

    def show(self, page: Page, server: str, dark: bool, state: str) -> None:
        """Loads the panel, with the state of a copied link (``&p.nnviz.view=neurons``)."""
        # TensorBoard keeps its own theme; the address is what decides it.
        address = f"/?darkMode={'true' if dark else 'false'}#nnviz{state}"
        if page.url.startswith(server):
            page.evaluate(_READDRESS, address)
            panel_frame(page).goto(f"{server}/data/plugin_entry.html?name=nnviz")
        else:
            page.goto(server + address)

    def rest(self, page: Page, server: str, dark: bool) -> None:
        """Keeps a page for the next test of the same server."""
        page.unroute_all()
        page.set_viewport_size({"width": WIDTH_PX, "height": HEIGHT_PX})
        # An empty frame asks the server nothing while nobody looks.
        panel_frame(page).goto("about:blank")
        self._resting[server, dark] = page

    def close(self) -> None:
        """Closes all pages."""
        for context in self._contexts.values():
            context.close()

    def _context(self, dark: bool) -> BrowserContext:
        context = self._contexts.get(dark)
        if context is None:
            context = self._contexts[dark] = self.browser.new_context(
                viewport={"width": WIDTH_PX, "height": HEIGHT_PX},
                accept_downloads=True,
                device_scale_factor=1,
                color_scheme="dark" if dark else "light",
                locale=self._locale,
                reduced_motion="reduce",
            )
            context.set_default_timeout(TIMEOUT_MS)
            expect.set_options(timeout=TIMEOUT_MS)
            context.add_init_script(_WATCH_POLICY)
        return context


def panel_frame(page: Page) -> Frame:
    """The frame of TensorBoard's page that the panel is in.

    Raises:
      LookupError: no tab of a plugin with a frame of its own is open.
    """
    for frame in page.main_frame.child_frames:
        if "name=nnviz" in (frame.frame_element().get_attribute("src") or ""):
            return frame
    raise LookupError(f"no panel in {page.url}")
