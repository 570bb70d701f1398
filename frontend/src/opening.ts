/**
 * Entry of a bundle so small that it runs while the panel's is still being read: it asks for what the
 * first picture is made of, which the panel would ask for a tenth of a second later.
 */

import { ahead, type Early } from "./ahead";
import type { Catalogue, Client } from "./api";
import { addressOf } from "./api";
import { Host } from "./host";
import { overviewQuery } from "./overview_query";
import { firstRuns } from "./selection";
import { server } from "./server";
import type { State } from "./state";
import { fromParameters } from "./url";

/** @param early the answer that brings the catalogue, which the panel will be given too */
export async function begin(early: Early): Promise<void> {
  const state = fromParameters(new Host().readAddress());
  for (const answer of early.values()) {
    const copy = (await answer).clone();
    if (copy.ok) lookAhead((await copy.json()) as Catalogue, state, server);
  }
}

/** Asks for the runs that the panel will show first, and what it draws of them. */
export function lookAhead(catalogue: Catalogue, { runs, view }: State, client: Client): void {
  for (const run of runs ?? firstRuns(catalogue) ?? []) {
    ahead.ask(new URL(addressOf("contents", { run }), document.baseURI));
    if (view === "overview") client.expect("overview", overviewQuery(run));
  }
}
