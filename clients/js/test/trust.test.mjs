// Tokens, names and moderation in parley.js.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { connect } from "../parley.js";
import { answer, comeBack, FakeSocket, joined, kept, keptInLobby, opened, resumed, settle, useFakes } from "./fakes.mjs";

useFakes();

describe("a token", () => {
  test("is shown with each connection, and asked for anew", async () => {
    let n = 0;
    const parley = await kept({ token: async () => `token-${++n}` });
    assert.ok(FakeSocket.last.protocols.includes("parley.token.token-1"));
    FakeSocket.last.drop();
    for (const before = FakeSocket.all.length; FakeSocket.all.length === before; await settle()) mock.timers.tick(50);
    assert.ok(FakeSocket.last.protocols.includes("parley.token.token-2"));
    parley.close();
  });

  test("that is a text is shown as it is, and ends the connection for good when it counts no more", async () => {
    const parley = await opened({ token: "abc", keep: 0 });
    assert.deepEqual(FakeSocket.last.protocols, ["parley.v1", "parley.token.abc"]);
    const ends = [];
    parley.on("close", (end) => ends.push(end));
    FakeSocket.last.drop(4401, "it has expired");
    assert.equal(ends[0].code, 4401);
    assert.match(ends[0].message, /does not know you \(it has expired\)/);
  });

  test("of a function is brought anew when it expires, and after 4401", async () => {
    let n = 0;
    const parley = await opened({ token: () => `token-${++n}` });
    FakeSocket.last.say({ event: "token-expiring", seconds: 30 });
    await settle();
    assert.equal(FakeSocket.last.request("token").token, "token-2");
    answer("token", { event: "token-accepted" });
    const before = FakeSocket.all.length;
    FakeSocket.last.drop(4401, "revoked");
    for (; FakeSocket.all.length === before; await settle()) mock.timers.tick(500);
    assert.deepEqual(FakeSocket.last.protocols.at(-1), "parley.token.token-3");
    parley.close();
  });

  test("that cannot be had is no connection, and is tried again", async () => {
    let fails = true;
    const parley = connect("ws://server.test/ws", {
      WebSocket: FakeSocket,
      token: () => (fails ? Promise.reject(new Error("the app's server is away")) : "late"),
    });
    const away = [];
    parley.on("away", (loss) => away.push(loss.reason));
    await settle();
    await settle();
    assert.deepEqual(away, ["the app's server is away"]);
    fails = false;
    for (; FakeSocket.all.length === 0; await settle()) mock.timers.tick(500);
    assert.ok(FakeSocket.last.protocols.includes("parley.token.late"));
    parley.close();
  });

  test("an operator who disconnects ends it for good", async () => {
    const parley = await opened({ token: () => "t" });
    const ends = [];
    parley.on("close", ({ message }) => ends.push(message));
    FakeSocket.last.drop(4403, "disconnected by the operator");
    assert.deepEqual(ends, ["You were disconnected by the operator."]);
  });
});

describe("members", () => {
  test("have names, and say what they are", async () => {
    const parley = await opened();
    const joining = parley.join("lobby", { meta: { hand: false } });
    assert.deepEqual(FakeSocket.last.request("room-join").meta, { hand: false });
    answer("room-join", {
      event: "room-joined", ownerId: "a", clients: ["a", "b"], seq: 4, locked: true, meta: { topic: "Q3" },
      members: [{ id: "a", user: "ann", claims: { name: "Ann" }, mod: true }],
    });
    const room = await joining;
    await settle();
    assert.deepEqual(room.infoOf("a"), { user: "ann", claims: { name: "Ann" }, mod: true });
    assert.deepEqual(room.infoOf("b"), {});
    assert.deepEqual(room.about, { locked: true, meta: { topic: "Q3" } });
    const heard = [];
    for (const type of ["join", "member-update", "update", "owner"]) room.on(type, (detail) => heard.push([type, detail]));
    FakeSocket.last.say({ event: "client-joined", room: "lobby", id: "c", user: "kim", seq: 5, prev: 4 });
    assert.equal(room.infoOf("c").user, "kim");
    FakeSocket.last.say({ event: "member-updated", room: "lobby", id: "c", user: "kim", meta: { hand: true }, seq: 6, prev: 5 });
    FakeSocket.last.say({ event: "room-updated", room: "lobby", ownerId: "b", by: "a", seq: 7, prev: 6 });
    assert.deepEqual(heard, [
      ["join", { id: "c" }],
      ["member-update", { id: "c", info: { user: "kim", meta: { hand: true } } }],
      ["update", { about: {}, by: "a" }],
      ["owner", { ownerId: "b" }],
    ]);
    FakeSocket.last.say({ event: "client-left", room: "lobby", id: "c", seq: 8, prev: 7, reason: "kicked" });
    assert.deepEqual([room.infoOf("c"), room.seq], [{}, 8]);
    parley.close();
  });

  test("are as the server has them after a return", async () => {
    const { parley, room } = await keptInLobby();
    comeBack();
    resumed({ members: [{ id: "b", user: "bob" }], password: true });
    assert.deepEqual([room.infoOf("b"), room.about], [{ user: "bob" }, { password: true }]);
    parley.close();
  });
});

describe("who is removed", () => {
  for (const reason of ["kicked", "banned", "forbidden"]) {
    test(`does not come back by itself: ${reason}`, async () => {
      const parley = await kept();
      const entering = parley.enter("lobby");
      answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a"], seq: 4 });
      const room = await entering;
      await settle();
      const ends = [];
      room.on("end", (end) => ends.push(end));
      FakeSocket.last.say({ event: "room-left", room: "lobby", kicked: true, reason, message: "calm down" });
      mock.timers.tick(60_000);
      await settle();
      assert.deepEqual(ends, [{ how: "closed", reason, message: "calm down" }]);
      assert.equal(FakeSocket.last.sent.filter(({ event }) => event === "room-enter").length, 1);
      parley.close();
    });
  }
});

describe("moderating", () => {
  test("each request is answered, or refused by its code", async () => {
    const { parley, room } = await joined();
    const banning = room.ban("b", { seconds: 60 });
    answer("room-ban", { event: "client-banned", targetId: "b", sub: "bob", seconds: 60 });
    assert.deepEqual(await banning, { sub: "bob", seconds: 60 });
    const kicking = room.kick("b");
    answer("room-kick", { event: "error", code: "forbidden", message: "no" });
    await assert.rejects(kicking, { code: "forbidden" });
    const updating = room.update({ locked: true });
    answer("room-update", { event: "room-updated", ownerId: "a", seq: 5, locked: true });
    await updating;
    assert.deepEqual(room.about, { locked: true });
    const listing = room.roster();
    answer("room-roster", { event: "room-roster", ownerId: "a", seq: 5, members: [], bans: [{ sub: "bob", seconds: 9 }], knocks: [] });
    assert.equal((await listing).bans[0].sub, "bob");
    parley.close();
  });

  test("who knocks is heard until it is decided", async () => {
    const { parley, room } = await joined();
    const heard = [];
    for (const type of ["knock", "knock-end"]) room.on(type, (detail) => heard.push([type, detail]));
    FakeSocket.last.say({ event: "client-knocked", room: "lobby", id: "k", user: "kim", meta: { note: "hi" } });
    FakeSocket.last.say({ event: "client-knocked", room: "lobby", id: "k", user: "kim" });
    assert.equal(room.knocking.get("k").user, "kim");
    FakeSocket.last.say({ event: "client-knocked", room: "lobby", id: "k", gone: true });
    assert.deepEqual(heard, [["knock", { id: "k", user: "kim", meta: { note: "hi" } }], ["knock-end", { id: "k" }]]);
    parley.close();
  });
});

describe("knocking", () => {
  async function knocking() {
    const parley = await opened();
    const knock = parley.knock("lobby", { meta: { note: "hi" } });
    answer("room-knock", { event: "knock-pending" });
    await settle();
    return { parley, knock };
  }

  test("ends well", async () => {
    const { parley, knock } = await knocking();
    FakeSocket.last.say({ event: "knock-admitted", room: "lobby" });
    await knock;
    parley.close();
  });

  for (const [how, frame, code] of [
    ["who decides says no", { event: "knock-refused" }, "refused"],
    ["the room is closed", { event: "room-not-exists" }, "room-not-exists"],
    ["one is banned meanwhile", { event: "error", code: "banned", message: "banned" }, "banned"],
  ]) {
    test(`ends badly when ${how}`, async () => {
      const { parley, knock } = await knocking();
      FakeSocket.last.say({ room: "lobby", ...frame });
      await assert.rejects(knock, { code });
      parley.close();
    });
  }

  test("ends with the connection", async () => {
    const { parley, knock } = await knocking();
    FakeSocket.last.drop();
    await assert.rejects(knock, { code: "disconnected" });
    parley.close();
  });
});
