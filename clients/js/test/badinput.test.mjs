// What cannot work says why, in one sentence, and what to do.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { connect } from "../parley.js";
import { FakeSocket, opened, settle, useFakes } from "./fakes.mjs";

useFakes();

describe("an address", () => {
  for (const [url, said] of [
    ["/ws", /"\/ws" is no address of a server: give one such as wss:\/\/example.org\/ws, whole: there is no page here/],
    ["", /is no address of a server/],
    ["ftp://example.org", /begins with ws:, wss:, http: or https:/],
    ["example.org", /is no address/],
    ["localhost:8080/ws", /begins with ws:/],
    ["wss://", /is no address/],
  ]) {
    test(`"${url}" cannot be`, () => assert.throws(() => connect(url, { WebSocket: FakeSocket }), { name: "TypeError", message: said }));
  }

  test("of ws: cannot be reached by a page that came over https", () => {
    globalThis.location = { href: "https://app.example.org/call", protocol: "https:" };
    try {
      assert.throws(() => connect("ws://example.org/ws", { WebSocket: FakeSocket }), { message: /reaches no "ws:" address: give wss:\/\/example.org\/ws, and the server a certificate/ });
      connect("ws://localhost:8080/ws", { WebSocket: FakeSocket }).close(); // browsers allow that
      connect("/ws", { WebSocket: FakeSocket }).close();
    } finally {
      delete globalThis.location;
    }
  });

  test("at which no Parley server is says so, and is not asked without a pause", async () => {
    const parley = connect("ws://nowhere.example.org/ws?secret=1", { WebSocket: FakeSocket });
    const told = [];
    parley.on("away", ({ message, delay }) => told.push({ message, delay }));
    for (let i = 0; i < 5; i++) {
      await settle();
      FakeSocket.last.drop(1006);
      assert.equal(told.length, i + 1);
      assert.ok(told[i].delay >= (i === 0 ? 100 : 250), `attempt ${i} follows after ${told[i].delay} ms`);
      mock.timers.tick(told[i].delay);
    }
    assert.equal(told[0].message, "The server cannot be reached. Is ws://nowhere.example.org/ws a Parley server, and does it allow this page?");
    parley.close();
  });

  test("that has worked is not doubted", async () => {
    const parley = await opened({ keep: 0 });
    const told = [];
    parley.on("away", ({ message }) => told.push(message));
    FakeSocket.last.drop(1006);
    assert.deepEqual(told, ["The server cannot be reached."]);
    parley.close();
  });
});

describe("a WebSocket", () => {
  test("that is missing has to be passed", () => {
    const before = globalThis.WebSocket;
    globalThis.WebSocket = undefined;
    try {
      assert.throws(() => connect("ws://example.org/ws"), { name: "TypeError", message: /install the package ws, and pass it as in connect\(url, \{ WebSocket \}\)/ });
    } finally {
      globalThis.WebSocket = before;
    }
  });

  test("that the browser refuses to make is an attempt that failed", async () => {
    class Refused {
      constructor() {
        throw new Error("the page's policy forbids it");
      }
    }
    const parley = connect("ws://example.org/ws", { WebSocket: Refused });
    const told = [];
    parley.on("away", ({ message, delay }) => told.push({ message, delay }));
    for (let i = 0; i < 50 && told.length < 3; i++, await settle()) mock.timers.tick(100);
    assert.match(told[0].message, /cannot be reached \(the page's policy forbids it\)/);
    assert.ok(told[2].delay >= 250);
    parley.close();
  });
});
