// Bundles the panel into what TensorBoard serves: nnviz_tb/static/bundle/: panel.js, opening.js, their chunks and
// its workers. `node build.mjs [--watch]`; prints what the browser downloads, gzipped.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const LIMIT_BYTES = 200 * 1000;
const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.join(here, "..", "nnviz_tb", "static", "bundle");
const watch = process.argv.includes("--watch");

const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  absWorkingDir: here,
  // uPlot ships its style sheet as a file; inside a shadow root it has to be text.
  loader: { ".css": "text" },
  logLevel: "warning",
};

/**
 * `import url from "./x.worker.ts?worker"` bundles that file as a module worker and gives its
 * address. The page's security policy allows no blob workers, so a worker is a file of its own.
 */
const workers = {
  name: "workers",
  setup(build) {
    build.onResolve({ filter: /\?worker$/ }, (args) => ({
      path: path.resolve(args.resolveDir, args.path.replace(/\?worker$/, "")),
      namespace: "worker",
    }));
    build.onLoad({ filter: /.*/, namespace: "worker" }, async (args) => {
      const result = await esbuild.build({
        ...common,
        entryPoints: [args.path],
        write: false,
        metafile: true,
      });
      const code = result.outputFiles[0].contents;
      const hash = createHash("sha256").update(code).digest("hex").slice(0, 8).toUpperCase();
      const name = `${path.basename(args.path).replace(/\.worker\.ts$/, "")}-worker-${hash}.js`;
      await writeFile(path.join(outdir, name), code);
      return {
        contents: `export default new URL(${JSON.stringify(`./${name}`)}, import.meta.url).href;`,
        watchFiles: Object.keys(result.metafile.inputs).map((file) => path.resolve(here, file)),
      };
    });
  },
};

const report = {
  name: "report",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length > 0) return;
      let total = 0;
      for (const name of (await readdir(outdir)).sort()) {
        const size = gzipSync(await readFile(path.join(outdir, name)), { level: 9 }).length;
        total += size;
        console.log(`${name}\t${(size / 1000).toFixed(1)} kB gzipped`);
      }
      console.log(`total\t${(total / 1000).toFixed(1)} kB gzipped`);
      if (total > LIMIT_BYTES) {
        console.error(`the bundle is larger than ${LIMIT_BYTES / 1000} kB`);
        if (!watch) process.exitCode = 1;
      }
    });
  },
};

// Names carry a hash of their content; without this, what older builds left would be shipped too.
await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });

// By itself: a part that it had in common with the panel would be one more file to wait for.
await esbuild.build({ ...common, entryPoints: ["src/opening.ts"], outdir });

const options = {
  ...common,
  entryPoints: { panel: "src/index.ts" },
  outdir,
  splitting: true,
  chunkNames: "[name]-[hash]",
  plugins: [workers, report],
};
if (watch) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  await esbuild.build(options);
}
