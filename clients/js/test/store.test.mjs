// Tests of sessions that outlive their page: what it leaves to the next one, and to whom of two.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { answer, connected, FakeSocket, resumed, settle, useFakes } from "./fakes.mjs";
import { connect } from "../parley.js";

useFakes();

/** What a tab stores. */
class FakeStorage {
  items = new Map();
  full = false;

  getItem(name) {
    return this.items.get(name) ?? null;
  }

  setItem(name, value) {
    if (this.full) throw new Error("there is no room");
    this.items.set(name, value);
  }

  removeItem(name) {
    this.items.delete(name);
  }

  /** As a tab has it that was made from this one. */
  copy() {
    const copy = new FakeStorage();
    copy.items = new Map(this.items);
    return copy;
  }
}

/** The locks of an origin. */
class FakeLocks {
  #held = new Set();
  #waiting = [];

  request(name, { signal }, held) {
    return new Promise((resolve, reject) => {
      const take = () => {
        this.#held.add(name);
        resolve(held());
      };
      if (!this.#held.has(name)) return take();
      this.#waiting.push({ name, take });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }

  /** The pages that hold locks are gone. */
  release() {
    this.#held.clear();
    for (const { take } of this.#waiting.splice(0)) take();
  }
}

/** The channel between the pages of an origin; each hears what the others say. */
class FakeChannel {
  static all = [];

  constructor(name) {
    this.name = name;
    FakeChannel.all.push(this);
  }

  postMessage(data) {
    for (const other of FakeChannel.all) {
      if (other !== this && other.name === this.name) queueMicrotask(() => other.onmessage?.({ data }));
    }
  }

  close() {
    FakeChannel.all = FakeChannel.all.filter((channel) => channel !== this);
  }
}

/** What the page has of the browser; undefined takes it away. */
function browser(globals) {
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

let locks, storage;
const own = ["navigator", "sessionStorage", "BroadcastChannel", "addEventListener"];
const natively = own.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);

beforeEach(() => {
  locks = new FakeLocks();
  storage = new FakeStorage();
  FakeChannel.all = [];
  browser({ navigator: { locks }, sessionStorage: storage, BroadcastChannel: FakeChannel });
});
afterEach(() => {
  for (const [name, descriptor] of natively) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else delete globalThis[name];
  }
});

/** A page of the tab: its connection stands. */
async function load() {
  const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, persist: true });
  await settle();
  mock.timers.tick(300); // where the other pages are asked
  await settle();
  connected();
  return parley;
}

/** The page goes, and its tab loads it anew. */
function reload() {
  locks.release();
  FakeChannel.all = [];
  return load();
}

const turnOf = ({ url }) => Number(new URL(url).searchParams.get("turn"));
const keyOf = ({ protocols }) => protocols[1];

describe("a page that is loaded anew", () => {
  test("has the session of the one before, with a later turn, and comes back fresh to the rooms it asks for", async () => {
    const first = await load();
    for (const name of ["lobby", "hall", "attic"]) {
      const entering = first.enter(name);
      answer("room-enter", { event: "room-created", seq: 2 });
      await entering;
    }
    const leaving = first.leave("attic");
    answer("room-leave", { event: "room-left", kicked: false });
    await leaving;

    const parley = await reload();
    const [before, now] = FakeSocket.all;
    assert.deepEqual([keyOf(now), turnOf(now)], [keyOf(before), turnOf(before) + 1]);
    assert.deepEqual(await parley.restored, ["lobby", "hall"]);
    assert.deepEqual(now.sent, [], "nothing is asked that nobody wants");
    const entering = parley.enter("lobby");
    const { ref, ...sent } = now.sent[0];
    assert.deepEqual([sent, now.sent.length], [{ event: "resume", room: "lobby", seq: 0, heard: {}, fresh: true }, 1]);
    resumed({ ownerId: "me", fresh: ["a", "b"] });
    const room = await entering;
    await settle();
    assert.deepEqual([room.owned, room.members, room.elder("a")], [true, ["a", "b"], true]);

    const third = await reload();
    assert.deepEqual(await third.restored, ["lobby", "hall"], "also those that were not asked for yet");
    void third.leave("hall");
    assert.equal(FakeSocket.last.sent.at(-1).event, "resume");
  });

  test("asks before it is connected, and enters where it came too late", async () => {
    const first = await load();
    const entering = first.enter("lobby");
    answer("room-enter", { event: "room-created", seq: 2 });
    await entering;
    locks.release();
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, persist: true });
    await parley.restored;
    const again = parley.enter("lobby");
    connected();
    answer("resume", { event: "not-in-room", reason: "lost" });
    assert.equal(FakeSocket.last.sent.at(-1).event, "room-enter");
    answer("room-enter", { event: "room-created", seq: 9 });
    assert.equal((await again).state, "live");
  });

  test("waits for the page before it to let go", async () => {
    await load();
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, persist: true });
    await settle();
    mock.timers.tick(900);
    await settle();
    assert.equal(FakeSocket.all.length, 1);
    locks.release();
    await settle();
    assert.equal(keyOf(FakeSocket.all[1]), keyOf(FakeSocket.all[0]));
    assert.equal(parley.state, "connecting");
  });

  test("has a session of its own when the last one is over, has moved, or could not be stored", async () => {
    for (const end of [
      (parley) => parley.close(),
      () => FakeSocket.last.drop(4409, "resumed elsewhere"),
      () => {
        storage.full = true;
        FakeSocket.last.drop();
        mock.timers.tick(1000);
        storage.full = false;
      },
    ]) {
      FakeSocket.all = [];
      const parley = await load();
      end(parley);
      const next = await reload();
      assert.notEqual(keyOf(FakeSocket.last), keyOf(FakeSocket.all[0]));
      assert.deepEqual(await next.restored, []);
      next.close();
    }
  });

  test("takes nothing that is not whole", async () => {
    for (const left of ["nonsense", "null", '{"claim":"x","key":"y","turn":0,"rooms":[]}', '{"claim":"x","turn":3}']) {
      storage.setItem("parley:ws://server.test/ws", left);
      const parley = await load();
      assert.deepEqual([turnOf(FakeSocket.last), await parley.restored], [1, []]);
      parley.close();
    }
  });

  test("says nothing of its going: the browser does", async () => {
    const listeners = new Map();
    browser({ addEventListener: (type, listener) => listeners.set(type, listener) });
    await load();
    listeners.get("pagehide")();
    assert.equal(FakeSocket.last.closed, null);
  });
});

describe("a tab that is duplicated", () => {
  test("makes a key of its own, and keeps that", async () => {
    await load();
    browser({ sessionStorage: storage.copy() });
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, persist: true });
    await settle();
    mock.timers.tick(1000);
    await settle();
    connected();
    const [one, two] = FakeSocket.all;
    assert.notEqual(keyOf(two), keyOf(one));
    assert.deepEqual([turnOf(two), await parley.restored], [1, []]);
    await reload();
    assert.equal(keyOf(FakeSocket.last), keyOf(two));
  });

  test("asks the other pages where there are no locks", async () => {
    browser({ navigator: undefined });
    await load();
    browser({ sessionStorage: storage.copy() });
    await load();
    assert.notEqual(keyOf(FakeSocket.all[1]), keyOf(FakeSocket.all[0]));
    await reload();
    assert.equal(keyOf(FakeSocket.all[2]), keyOf(FakeSocket.all[1]), "and goes on alone when nobody answers");
  });

  test("where pages cannot talk either it goes by the server, which closes the earlier one's connection", async () => {
    browser({ navigator: undefined, BroadcastChannel: undefined });
    await load();
    await load();
    assert.equal(keyOf(FakeSocket.all[1]), keyOf(FakeSocket.all[0]));
    assert.equal(turnOf(FakeSocket.all[1]), 2);
  });

  test("a lock's name does not tell the key", async (t) => {
    const names = [];
    t.mock.method(locks, "request", (name, _, held) => (names.push(name), held()));
    await load();
    assert.match(names[0], /^parley-session-[\w-]{16}$/);
    assert.equal(keyOf(FakeSocket.last).includes(names[0].slice(15)), false);
  });
});
