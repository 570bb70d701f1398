"""Runs, layers, scalars, functions and notes named by an attacker, in the real panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import synthetic_log as synthetic
from panel_page import PanelPage
from playwright.sync_api import Dialog
from shells import Shells
from synthetic_log import Log
from tensorboard_process import TensorBoard, start

from nnviz_tb import schema

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_CALL = "top.nnvizPlanted=document.domain"
NAMES = (
    f"<img src=x onerror={_CALL}>",
    f"<script>{_CALL}<∕script>".replace("∕", "\u2215"),
    f"\"'><svg onload={_CALL}>",
    f"javascript:{_CALL}",
    f"${{{_CALL}}}{{{{{_CALL}}}}}`",
    "&lt;b&gt;&#x3C;img&#x3E;",
    "\u202eright to left\u202c and \u0000control\x1b[31m".replace("\u0000", ""),
    "%3Cimg%20src=x%20onerror=alert(1)%3E",
    "__proto__",
    "constructor",
    "n" * 500,
)
"""No name holds a slash, so that each is a run's folder as well as a layer."""
RUN = NAMES[0]
VIEWS = ("Overview", "Activations", "Neurons", "Findings")

_PLANTED = """() => {
  const found = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      const handlers = element.getAttributeNames().filter((name) => name.startsWith("on"));
      const source = element.getAttribute("src") ?? element.getAttribute("href") ?? "";
      if (handlers.length || source === "x" || source.startsWith("javascript:")) {
        found.push(element.outerHTML.slice(0, 200));
      }
    }
  };
  walk(document);
  return found;
}"""


def write(logdir: Path) -> None:
    """One run with every name in every place, and a run of every name that a folder may have."""
    log = Log(logdir / RUN)
    about = schema.RunMetadata(NAMES[0], {NAMES[1]: NAMES[2]}, 1 << 18, NAMES)
    for step in range(6):
        rows = {schema.RUN_TAG: (about, np.array([0.01, 0.002, 2048, 0, 0.01], np.float32))}
        for order, name in enumerate(NAMES):
            recorded = synthetic.rows_at(step, name, order)
            del recorded[schema.RUN_TAG]
            described, fields = recorded[schema.tag_of("layer", name)]
            activation = schema.ActivationMetadata(name, has_dead_zone=True)
            hostile = schema.LayerMetadata(
                name, order, described.neurons, described.fan_in, described.kernel_shape,
                described.parameters, True, activation, (name,),
            )  # fmt: skip
            recorded[schema.tag_of("layer", name)] = hostile, fields
            summary = recorded.pop(schema.tag_of("summary", f"{name}/bias"))
            rows |= {**recorded, schema.tag_of("summary", f"{name}/{NAMES[0]}"): summary}
        log.step(step, rows, {f"loss {name}": float("nan") if step > 3 else 1.0 for name in NAMES})
    bad = {f"nnviz/bias/{name}": (name.encode(), np.zeros(3, np.float32)) for name in NAMES}
    log.step(6, {**bad, f"nnviz/{NAMES[0]}/x": (b"", np.zeros(1, np.float32))})
    for name in NAMES[1:]:
        if len(name.encode()) < 255:
            Log(logdir / name).step(0, synthetic.rows_at(0), {name: 1.0})


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A TensorBoard over hostile names."""
    logdir = tmp_path_factory.mktemp("hostile")
    write(logdir)
    server = start("rust", logdir)
    try:
        server.wait_for_step(RUN, 6)
        yield server
    finally:
        server.close()


def test_no_name_of_a_log_runs_or_becomes_an_element_in_any_view(
    hostile: TensorBoard, shells: Shells
) -> None:
    dialogs: list[str] = []

    def close(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with PanelPage.opened(shells, hostile.address, kept=True) as page:
        page.page.on("dialog", close)
        page.only_run(RUN)
        shown = page.panel.locator("nn-sidebar button.layer").all_inner_texts()
        assert [text.strip() for text in shown][:2] == list(NAMES[:2])
        for view in VIEWS:
            page.view(view)
            page.settled()
            frame = next(f for f in page.page.frames if "nnviz" in f.url)
            assert frame.evaluate(_PLANTED) == []
        page.view("Neurons")
        for name in NAMES[:6]:
            page.layer(name)
            page.settled()
        assert page.panel.locator("nn-app").evaluate(_PLANTED) == []
        assert page.page.evaluate("() => window.nnvizPlanted") is None
        assert dialogs == []
        assert page.complaints == []


def test_what_is_planted_would_be_found(hostile: TensorBoard, shells: Shells) -> None:
    with PanelPage.opened(shells, hostile.address, kept=True) as page:
        page.panel.locator("nn-app").evaluate(
            """element => {
              const image = document.createElement("img");
              image.setAttribute("src", "x");
              element.shadowRoot.append(image);
            }"""
        )
        assert page.panel.locator("nn-app").evaluate(_PLANTED) == ['<img src="x">']
