// What TensorBoard imports into the panel's frame. By hand, so that it stands even without the
// bundle, and says so.

const STYLE = "nnviz-style";

export async function render() {
  if (!document.getElementById(STYLE)) {
    const link = document.createElement("link");
    link.id = STYLE;
    link.rel = "stylesheet";
    link.href = new URL("./style.css", import.meta.url).href;
    document.head.append(link);
  }
  // Asked for while the bundle is on its way: the panel begins with the catalogue.
  const catalogue = new URL("./catalogue", document.baseURI).href;
  const early = new Map([[catalogue, fetch(catalogue, { cache: "no-store" })]]);
  for (const answer of early.values()) answer.catch(() => undefined);
  // Asks for more as soon as the catalogue is there; what it cannot, the panel asks for itself.
  import("./bundle/opening.js").then((opening) => opening.begin(early)).catch(() => undefined);
  let panel;
  try {
    panel = await import("./bundle/panel.js");
  } catch (error) {
    explain(error);
    return;
  }
  await panel.render(document.body, early);
}

/** Says in the page why there is no panel. Text only: the message may quote an address. */
function explain(error) {
  const note = document.createElement("main");
  note.className = "nnviz-missing";
  note.setAttribute("role", "alert");
  const title = document.createElement("h1");
  title.textContent = "The panel is not built";
  const reason = document.createElement("p");
  reason.textContent = "nnviz_tb is installed, but its page (static/bundle/panel.js) could not be loaded.";
  const remedy = document.createElement("p");
  remedy.textContent = "Build it in a checkout with one of these, then restart TensorBoard:";
  const commands = document.createElement("pre");
  commands.textContent = "pip install .\nnpm --prefix frontend ci && npm --prefix frontend run build";
  const detail = document.createElement("p");
  detail.className = "nnviz-detail";
  detail.textContent = String(error);
  note.append(title, reason, remedy, commands, detail);
  document.body.replaceChildren(note);
}
