// Makes the one file that gateways serve at /parley.js. With --check it only says whether that file is what it would make.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { name, version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
export const target = new URL("../../gateway/client/parley.js", import.meta.url);

/** @returns {Promise<string>} the file's text */
export async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [new URL("parley.js", import.meta.url).pathname],
    bundle: true,
    format: "esm",
    minify: true,
    target: "es2022",
    write: false,
    banner: { js: `// ${name} ${version}. To be read: clients/js in Parley's sources, or the npm package ${name}.` },
  });
  return outputFiles[0].text;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const text = await bundle();
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    console.error("gateway/client/parley.js is not what clients/js makes: run npm run bundle there");
    process.exit(1);
  }
}
