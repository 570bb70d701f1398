// Shows every chart on made-up data: `node gallery/serve.mjs [port]`, then `?theme=dark`.
// `/bench.html` measures the heavy ones; tests/benchmarks/bench_panel.py asks it to.
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const context = await esbuild.context({
  entryPoints: ["gallery.ts", "bench.ts", "raster.worker.ts"].map((name) => path.join(here, name)),
  bundle: true,
  format: "esm",
  target: "es2022",
  // Never written: esbuild serves it from memory.
  outdir: here,
  write: false,
  loader: { ".css": "text" },
});
const { port } = await context.serve({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  servedir: here,
});
console.log(`http://127.0.0.1:${port}/`);
