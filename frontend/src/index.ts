/** Entry of the bundle: `render` puts the panel into the page that TensorBoard gave us. */
export function render(root: HTMLElement): void {
  root.textContent = "nnviz";
}
