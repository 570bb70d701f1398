import { Client } from "./api";

/** The page's client, which the panel shares with what has asked before it was there. */
export const server = new Client();
