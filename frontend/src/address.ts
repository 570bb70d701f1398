/** Addresses of the plugin's routes, relative to its own, so that they work under --path_prefix. */

export type Query = Readonly<Record<string, string | number | null>>;

export function addressOf(route: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? `./${route}` : `./${route}?${text}`;
}
