// The one file that gateways serve, and what npm publishes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { bundle, target } from "./bundle.mjs";
import * as modules from "./parley.js";

const root = new URL("./", import.meta.url);
const served = readFileSync(target, "utf8");
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

describe("the file that gateways serve", () => {
  test("is what the modules make", async () => {
    assert.ok(served === (await bundle()), "gateway/client/parley.js is older than clients/js: run npm run bundle there");
  });

  test("has its version in the first line, and 12 kB at most when zipped", () => {
    assert.match(served.split("\n")[0], new RegExp(`^// parley-rtc ${version.replaceAll(".", "\\.")}\\.`));
    assert.ok(gzipSync(served, { level: 9 }).length <= 12_000);
  });

  test("exports what the modules do", async () => {
    assert.deepEqual(Object.keys(await import(target)).sort(), Object.keys(modules).sort());
  });
});

describe("the package", () => {
  test("has its modules, types and README, and nothing else", () => {
    const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: root, encoding: "utf8" }));
    const expected = ["README.md", "package.json", "parley.d.ts", "parley.js", ...readdirSync(new URL("parley", root)).map((f) => `parley/${f}`)];
    assert.deepEqual(files.map(({ path }) => path).sort(), expected.sort());
  });

  test("has types that take a program which uses all of it, and refuse what is wrong", () => {
    const tsc = new URL("node_modules/.bin/tsc", root).pathname;
    assert.doesNotThrow(() => execFileSync(tsc, ["-p", "test/types"], { cwd: root, encoding: "utf8", stdio: "pipe" }));
  });

  test("has types for what is there, and for nothing that is not", () => {
    const types = readFileSync(new URL("parley.d.ts", root), "utf8");
    const declared = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(declared.sort(), Object.keys(modules).sort());
    for (const [name, events] of [["Parley", "ParleyEvents"], ["Room", "RoomEvents"], ["Peer", "PeerEvents"]]) {
      // Each event that a class emits is declared, and the other way round.
      const source = readFileSync(new URL(`parley/${{ Parley: "client", Room: "room", Peer: "peer" }[name]}.js`, root), "utf8");
      const body = types.match(new RegExp(`interface ${events} \\{\\n([^]*?)\\n\\}`))[1];
      const said = [...body.matchAll(/^  "?([\w-]+)"?: /gm)].map(([, event]) => event).sort();
      const text = [...source.matchAll(/emit\("([\w-]+)"/g)].map(([, event]) => event);
      for (const event of new Set(text)) assert.ok(said.includes(event), `${name} emits ${event}, which has no type`);
      for (const event of said) assert.ok(source.includes(`"${event}"`), `${name} never emits ${event}`);
      // So is each method and field.
      const shape = types.match(new RegExp(`export class ${name} [^]*?\\n\\}`))[0];
      const members = [...shape.matchAll(/^  (?:readonly |get )?(\w+)\??[:(]/gm)].map(([, member]) => member).filter((m) => m !== "constructor");
      for (const member of members) assert.match(source, new RegExp(`\\b${member}\\b`), `${name} has no ${member}`);
      const methods = Object.getOwnPropertyNames(modules[name].prototype).filter((m) => m !== "constructor" && m !== "addEventListener");
      const inner = ["joined", "updated", "memberUpdated", "knocked", "left", "memberAway", "memberBack", "received", "level", "heard",
        "emit", "suspend", "resumed", "live", "away", "back", "finish"]; // @private
      for (const method of methods.filter((m) => !inner.includes(m))) assert.ok(members.includes(method), `${name}.${method} has no type`);
    }
  });

  test("has a README that names all of it, and nothing that is not", () => {
    const types = readFileSync(new URL("parley.d.ts", root), "utf8");
    const manual = readFileSync(new URL("README.md", root), "utf8");
    const section = (title) => manual.split(new RegExp(`^### ${title}.*$`, "m"))[1].split(/^##/m)[0];
    const names = (text) => [...text.matchAll(/`(?:mesh\.|peer\.|parley\.|room\.)?([a-zA-Z-]+)[`(]/g)].map(([, name]) => name);
    const fields = (name) => [...types.match(new RegExp(`(?:class|interface) ${name} [^]*?\\n\\}`))[0]
      .matchAll(/^  (?:readonly |get )?"?([\w-]+)"?\??[:(]/gm)].map(([, member]) => member).filter((m) => m !== "constructor" && m !== "private");
    for (const [title, ...parts] of [["connect", "Options"], ["Parley", "Parley", "ParleyEvents"], ["Room", "Room", "RoomEvents"], ["Mesh and Peer", "Mesh", "Peer", "PeerEvents"]]) {
      const told = new Set(names(section(title)));
      const is = new Set(parts.flatMap(fields));
      for (const name of is) assert.ok(told.has(name), `the README's section ${title} lacks ${name}`);
      const others = [...types.matchAll(/"([\w-]+)"/g)].map(([, word]) => word).concat(["Parley", "Room", "Mesh", "Peer", "true", "false", "RTCPeerConnection", "sessionStorage", ...fields("Entry"), ...fields("Creation"), ...fields("Options"), ...fields("ParleyError")]);
      for (const name of told) assert.ok(is.has(name) || others.includes(name), `the README's section ${title} has ${name}, which there is not`);
    }
  });
});
