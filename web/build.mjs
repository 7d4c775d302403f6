// Bundles the page into gocnn/page/built: index.html, scripts split by page, styles; nothing else is needed at run time.
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { gzipSync } from "node:zlib";

const out = "../gocnn/page/built";
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// Shudan's wood is a photograph of 190 KB; the board has a plain colour instead (parts/board.css).
const plainBoard = {
  name: "plain-board",
  setup(setup) {
    setup.onLoad({ filter: /shudan[\\/]css[\\/]goban\.css$/ }, async ({ path }) => {
      const styles = await readFile(path, "utf8");
      const plain = styles.replace("url('./board.png')", "");
      if (plain === styles) throw new Error(`${path}: the board's picture is named otherwise now; mend build.mjs`);
      return { contents: plain, loader: "css", resolveDir: dirname(path) };
    });
  },
};

const result = await build({
  entryPoints: { main: "src/main.tsx" },
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  metafile: true,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  outdir: out,
  loader: { ".png": "file", ".svg": "file" },
  plugins: [plainBoard],
  logLevel: "warning",
});

const files = Object.keys(result.metafile.outputs).map((path) => basename(path));
const named = (ending) => files.find((name) => name.startsWith("main-") && name.endsWith(ending));
const html = (await readFile("index.html", "utf8"))
  .replace("MAIN.css", named(".css"))
  .replace("MAIN.js", named(".js"));

// what saves something lies beside its file packed, so that the server need not do it each time
async function pack(name, data) {
  const small = gzipSync(data, { level: 9 });
  if (small.length < 0.9 * data.length) await writeFile(`${out}/${name}.gz`, small);
}
for (const name of files) await pack(name, await readFile(`${out}/${name}`));
await pack("index.html", Buffer.from(html));
// last, since its being there says that all is
await writeFile(`${out}/index.html`, html);
