// Bundles the page into gocnn/page/built: index.html, scripts split by page, styles; nothing else is needed at run time.
// review.html is the Review page as one file, into which `gocnn.review.page` puts a game.
import { build } from "esbuild";
import { createHash } from "node:crypto";
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

const common = {
  bundle: true,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  logLevel: "warning",
};

const result = await build({
  ...common,
  entryPoints: { main: "src/main.tsx" },
  splitting: true,
  format: "esm",
  metafile: true,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  outdir: out,
  loader: { ".png": "file", ".svg": "file" },
  plugins: [plainBoard],
});

// The one file needs the texts of these tables only.
const fewTexts = {
  name: "few-texts",
  setup(setup) {
    setup.onLoad({ filter: /src[\\/]texts[\\/]\w+\.ts$/ }, ({ path }) => {
      const name = basename(path, ".ts");
      return ["table", "common", "board", "review", "said"].includes(name) ? undefined : { contents: `export const ${name} = { en: {}, zh: {} };` };
    });
  },
};
const { outputFiles, metafile: oneFileMeta } = await build({
  ...common,
  entryPoints: ["src/review.tsx"],
  format: "iife",
  outdir: out,
  write: false,
  metafile: true,
  loader: { ".png": "dataurl", ".svg": "dataurl" },
  plugins: [plainBoard, fewTexts],
});
const part = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text.trim();
const hashOf = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
const [script, style] = [part(".js"), part(".css")];
const holes = { "/*SCRIPT*/": script, "/*STYLE*/": style, "SCRIPT-HASH": hashOf(script), "STYLE-HASH": hashOf(style) };
// as functions, since `$&` in what is put in would mean something else
const oneFile = Object.entries(holes).reduce((html, [hole, text]) => html.replace(hole, () => text), await readFile("review.html", "utf8"));
if (oneFile.split("/*DATA*/").length !== 2 || oneFile.split("</script>").length !== 3) throw new Error("review.html has no place, or several, for the game; mend build.mjs");
await writeFile(`${out}/review.html`, oneFile);

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
// what it was built from, so that a checkout can tell when that has changed since (gocnn/page)
const bundled = [...Object.keys(result.metafile.inputs), ...Object.keys(oneFileMeta.inputs)].filter((path) => path.startsWith("src/"));
const sources = [...new Set([...bundled, "build.mjs", "index.html", "review.html", "package-lock.json"])].sort();
const hashes = await Promise.all(sources.map(async (path) => [path, createHash("sha256").update(await readFile(path)).digest("hex")]));
await writeFile(`${out}/sources.json`, JSON.stringify(Object.fromEntries(hashes), null, 1));
// last, since its being there says that all is
await writeFile(`${out}/index.html`, html);
