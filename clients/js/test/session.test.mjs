// Tests of sessions: what parley.js does when its connection goes and the server keeps its place.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { connect } from "../parley.js";
import { Session } from "../parley/session.js";
import { answer, comeBack, connected, FakeSocket, kept, keptInLobby, resumed, settle, useFakes } from "./fakes.mjs";

useFakes();

const turn = 2 ** 20;

/** What the last socket was sent, without refs. */
const sent = () => FakeSocket.last.sent.map(({ ref, ...frame }) => frame);
const events = () => FakeSocket.last.sent.map(({ event }) => event);

/** Notes down what a room tells. */
function listen(room) {
  const heard = [];
  for (const type of ["join", "leave", "member-away", "member-back", "owner", "away", "back", "live", "end"]) {
    room.on(type, (detail) => heard.push([type, ...Object.values(detail)]));
  }
  return heard;
}

describe("the key and the turn", () => {
  test("a client shows its key, and each attempt to connect is a turn", async (t) => {
    t.mock.method(crypto, "getRandomValues", (bytes) => bytes.map((_, i) => i));
    const parley = connect("ws://server.test/ws?x=1", { WebSocket: FakeSocket, keep: 12 });
    await settle();
    FakeSocket.last.drop();
    mock.timers.tick(1000);
    connected();
    comeBack();
    assert.deepEqual(FakeSocket.all.map(({ url }) => url), [1, 2, 3].map((n) => `ws://server.test/ws?x=1&turn=${n}&keep=12`));
    for (const { protocols } of FakeSocket.all) {
      assert.deepEqual(protocols, ["parley.v1", "parley.key.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]);
    }
    parley.close();
  });

  test("keys are made by chance, of 32 bytes in base64url", () => {
    const keys = Array.from({ length: 50 }, () => new Session().key);
    for (const key of keys) assert.match(key, /^[\w-]{43}$/);
    assert.equal(new Set(keys).size, keys.length);
  });

  test("who keeps nothing shows no key, and nonsense is refused at once", async () => {
    connect("ws://server.test/ws", { WebSocket: FakeSocket, keep: 0 });
    await settle();
    assert.deepEqual([FakeSocket.last.url, FakeSocket.last.protocols], ["ws://server.test/ws", ["parley.v1"]]);
    for (const keep of [-1, 301, 1.5, "30", NaN]) assert.throws(() => connect("ws://server.test/ws", { keep }), RangeError);
  });

  test("the numbers of signals grow over the turns, and end before they meet those of the next", () => {
    const session = new Session();
    session.begin();
    assert.deepEqual([session.number(), session.number()], [turn + 1, turn + 2]);
    for (let n = 3; n < turn - 1; n++) session.number();
    assert.equal(session.number(), 2 * turn - 1);
    assert.equal(session.number(), 0);
    session.begin();
    assert.equal(session.number(), 2 * turn + 1);
    const last = new Session({ turn: 2 ** 31 - 1 });
    last.begin();
    assert.ok(Number.isSafeInteger(last.number() + turn));
  });

  test("a turn whose numbers are used up gives way to the next, and the signal goes with that", async (t) => {
    const { room, socket } = await keptInLobby();
    const numbers = t.mock.method(Session.prototype, "number", () => 0);
    const signalling = room.signal("a", {});
    assert.equal(socket.closed, 4000);
    numbers.mock.restore();
    mock.timers.tick(600);
    connected();
    resumed();
    assert.equal(FakeSocket.last.request("signal-send").n, 2 * turn + 1);
    answer("signal-send", { event: "signal-sent", targetId: "a" });
    await signalling;
  });
});

describe("a connection that is lost", () => {
  test("leaves the room as it is: the same object, with its members, away", async () => {
    const { parley, room } = await keptInLobby();
    const heard = listen(room);
    const told = [];
    parley.on("away", ({ rooms }) => told.push(rooms));
    FakeSocket.last.drop();
    assert.deepEqual([room.state, room.caughtUp, room.members], ["away", false, ["a", "b"]]);
    assert.deepEqual([heard, told, parley.id], [[["away", "lost"]], [[]], "me"]);
    FakeSocket.last.drop();
    mock.timers.tick(60000);
    assert.deepEqual(heard.length, 1, "attempts that fail change nothing");
    connected();
    assert.equal(room.state, "away", "nor does a connection alone");
    resumed();
    assert.deepEqual([room.state, room.caughtUp, parley.rooms.get("lobby")], ["live", false, room]);
    FakeSocket.last.say({ event: "live", room: "lobby", lost: {} });
    assert.deepEqual(heard, [["away", "lost"], ["back"], ["live", []]]);
    assert.equal(room.caughtUp, true);
  });

  test("is made anew soon, since the others wait; at once when the server goes in good order", async () => {
    for (const [code, least, most] of [[1006, 100, 250], [1001, 0, 100]]) {
      const delays = [];
      for (let i = 0; i < 20; i++) {
        const parley = await kept();
        mock.timers.tick(6000);
        parley.on("away", ({ delay }) => delays.push(delay));
        FakeSocket.last.drop(code);
        parley.close();
      }
      assert.ok(Math.min(...delays) >= least && Math.max(...delays) <= most, `${code}: after ${delays} ms`);
      assert.ok(new Set(delays).size > 10, "not all at the same moment");
    }
  });

  test("is tried again soon for as long as there is a place to lose, unless the server is overloaded", async () => {
    const { parley } = await keptInLobby();
    const delays = [];
    parley.on("away", ({ delay }) => delays.push(delay));
    mock.timers.tick(6000);
    const lost = Date.now();
    for (FakeSocket.last.drop(); Date.now() - lost < 30000; FakeSocket.last.drop()) mock.timers.tick(delays.at(-1));
    assert.ok(Math.max(...delays.slice(0, -1)) <= 2000, `${delays}`);
    assert.ok(delays.at(-1) > 2000, `${delays}`);

    const other = await keptInLobby();
    other.parley.on("away", ({ delay }) => delays.push(delay));
    FakeSocket.last.drop(1013);
    assert.ok(delays.at(-1) >= 2500, `${delays}`);
  });

  test("asks for what was missed: the last change, and the last signal of each member", async () => {
    const { room, socket } = await keptInLobby();
    for (const [senderId, n] of [["a", turn + 1], ["b", turn + 7], ["a", turn + 2]]) {
      socket.say({ event: "signal-receive", room: "lobby", senderId, data: {}, n });
    }
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 9, prev: 4 });
    socket.say({ event: "signal-receive", room: "lobby", senderId: "c", data: {}, n: 5 });
    socket.say({ event: "client-left", room: "lobby", id: "b", seq: 12, prev: 9, reason: "left" });
    comeBack();
    assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 12, heard: { a: turn + 2, c: 5 } }]);
    resumed({ clients: ["a", "c"], seq: 20 });
    FakeSocket.last.say({ event: "live", room: "lobby", lost: { c: 90 } });
    comeBack();
    assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 20, heard: { a: turn + 2, c: 90 } }]);
    assert.equal(room.seq, 20);
  });

  test("is over for what an older socket says", async () => {
    const { room, socket } = await keptInLobby({ pingInterval: 1000, pingTimeout: 500 });
    const heard = listen(room);
    for (const ms of [1000, 1000, 500]) mock.timers.tick(ms); // silence, a ping, and nothing
    assert.equal(socket.closed, 4000, "1000 would say that it leaves its rooms");
    socket.say({ event: "client-joined", room: "lobby", id: "late", seq: 5, prev: 4 });
    socket.drop(4409, "resumed elsewhere");
    assert.deepEqual([room.members, heard], [["a", "b"], [["away", "lost"]]]);
  });

  test("has what changed meanwhile told by the usual events", async () => {
    const { room, socket } = await keptInLobby();
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 5, prev: 4 });
    socket.say({ event: "client-joined", room: "lobby", id: "d", seq: 6, prev: 5 });
    socket.say({ event: "client-away", room: "lobby", id: "d", seq: 6 });
    const heard = listen(room);
    comeBack();
    resumed({ ownerId: "b", clients: ["b", "c", "d", "e"], away: ["c", "e"], fresh: ["b", "e"], seq: 30 });
    assert.deepEqual(heard, [
      ["away", "lost"],
      ["leave", "a"], ["member-back", "b", true], ["member-away", "c"], ["member-back", "d", false], ["join", "e"], ["member-away", "e"],
      ["owner", "b"], ["back"],
    ]);
    assert.deepEqual([room.members, room.seq, room.ownerId], [["b", "c", "d", "e"], 30, "b"]);
    assert.deepEqual(["b", "c", "d", "e", "a"].map((id) => room.stateOf(id)), ["live", "away", "live", "away", null]);
    assert.deepEqual(["b", "e"].map((id) => room.elder(id)), [false, false], "who begins anew does not wait for us");
  });

  test("lets what is asked meanwhile wait for the room that it is about", async () => {
    const { parley, room, socket } = await keptInLobby();
    const before = socket.sent.length;
    socket.drop();
    const signalling = room.signal("a", { candidate: {} });
    for (const name of ["lobby", "other"]) parley.join(name).catch(() => {});
    mock.timers.tick(600);
    connected();
    assert.deepEqual(events(), ["resume", "room-join"]);
    assert.equal(FakeSocket.last.request("room-join").room, "other");
    room.on("back", () => room.signal("b", {}).catch(() => {}));
    resumed();
    assert.deepEqual(events().slice(2), ["signal-send", "room-join", "signal-send"]);
    answer("signal-send", { event: "signal-sent", targetId: "b" });
    FakeSocket.last.say({ event: "signal-sent", room: "lobby", targetId: "a", ref: FakeSocket.last.sent[2].ref });
    await signalling;
    assert.equal(socket.sent.length, before);
    parley.close();
  });

  test("is not waited for by a signal's time: it goes when it can", async () => {
    const { room } = await keptInLobby({ requestTimeout: 1000 });
    const ends = [];
    const note = (name) => [() => ends.push(name), (error) => ends.push(`${name}: ${error.code}`)];
    room.signal("a", 1).then(...note("sent"));
    FakeSocket.last.drop();
    room.signal("a", 2).then(...note("waiting"));
    mock.timers.tick(5000);
    await settle();
    assert.deepEqual(ends, []);
    connected();
    resumed();
    assert.deepEqual(FakeSocket.last.sent.slice(1).map(({ data }) => data), [1, 2]);
    mock.timers.tick(1000);
    await settle();
    assert.deepEqual(ends, ["sent: timeout", "waiting: timeout"], "a server that says nothing is another thing");
  });
});

describe("signals of a session", () => {
  test("are numbered, kept until they are confirmed, and sent again as they were, before newer ones", async () => {
    const { room, socket } = await keptInLobby();
    const ends = {};
    const signal = (target, data) => room.signal(target, data).then(() => (ends[data] = "sent"), (error) => (ends[data] = error.code));
    for (const [target, data] of [["a", 1], ["b", 2], ["a", 3], ["b", 4], ["a", 5]]) signal(target, data);
    const [one, two, three, four] = socket.sent.slice(1);
    socket.say({ event: "signal-sent", room: "lobby", targetId: "a", ref: one.ref });
    socket.say({ event: "signal-held", room: "lobby", targetId: "b", ref: two.ref });
    socket.say({ event: "error", code: "unavailable", message: "in a moment", room: "lobby", ref: four.ref });
    await settle();
    assert.deepEqual(ends, { 1: "sent", 4: "unavailable" });
    socket.drop();
    signal("b", 6);
    mock.timers.tick(600);
    connected();
    resumed();
    const again = FakeSocket.last.sent.slice(1).map(({ data, n }) => [data, n]);
    assert.deepEqual(again, [[2, turn + 2], [3, turn + 3], [5, turn + 5], [6, 2 * turn + 1]]);
    assert.equal(FakeSocket.last.sent[1].ref, two.ref);
    FakeSocket.last.say({ event: "error", code: "too-old", message: "", room: "lobby", ref: three.ref });
    for (const { ref } of FakeSocket.last.sent.slice(3)) FakeSocket.last.say({ event: "signal-sent", room: "lobby", targetId: "a", ref });
    FakeSocket.last.say({ event: "target-not-found", room: "lobby", targetId: "b", ref: two.ref });
    await settle();
    assert.deepEqual(ends, { 1: "sent", 2: "target-not-found", 3: "sent", 4: "unavailable", 5: "sent", 6: "sent" });
  });

  test("one that is held waits for its target, however long that takes", async () => {
    const { room, socket } = await keptInLobby({ requestTimeout: 1000, pingInterval: 1e6 });
    let end;
    room.signal("a", {}).then(() => (end = "sent"), (error) => (end = error.code));
    answer("signal-send", { event: "signal-held", targetId: "a" });
    mock.timers.tick(60000);
    await settle();
    assert.equal(end, undefined);
    socket.say({ event: "signal-sent", room: "lobby", targetId: "a", ref: socket.request("signal-send").ref });
    await settle();
    assert.equal(end, "sent");
  });

  test("a number that is too old is an error when the signal was not sent before", async () => {
    const { room } = await keptInLobby();
    const signalling = room.signal("a", {});
    answer("signal-send", { event: "error", code: "too-old", message: "n is not above the last" });
    await assert.rejects(signalling, { code: "too-old" });
  });

  test("are dropped when their target has left, or begins anew", async () => {
    for (const change of [
      ({ socket }) => socket.say({ event: "client-left", room: "lobby", id: "a", seq: 5, prev: 4, reason: "lost" }),
      ({ socket }) => socket.say({ event: "client-back", room: "lobby", id: "a", fresh: true, seq: 5, prev: 4 }),
      () => (comeBack(), resumed({ ownerId: "b", clients: ["b"] })),
      () => (comeBack(), resumed({ fresh: ["a"] })),
    ]) {
      const all = await keptInLobby();
      const signalling = all.room.signal("a", "old");
      void all.room.signal("b", "stays").catch(() => {});
      answer("signal-send", { event: "signal-held", targetId: "b" });
      change(all);
      await assert.rejects(signalling, { code: "target-not-found", targetId: "a" });
      const again = FakeSocket.last === all.socket ? [] : ["stays"];
      assert.deepEqual(FakeSocket.last.sent.filter((f) => f.data === "old" && FakeSocket.last !== all.socket), []);
      assert.deepEqual(FakeSocket.last.sent.slice(all.socket === FakeSocket.last ? 3 : 1).map(({ data }) => data), again);
      all.parley.close();
    }
  });

  test("are heard once each, by their numbers, and without numbers as they come", async () => {
    const { room, socket } = await keptInLobby();
    const heard = [];
    room.on("signal", ({ data }) => heard.push(data));
    for (const [senderId, n, data] of [["a", 5, 1], ["a", 6, 2], ["a", 6, 3], ["b", 1, 4], ["a", undefined, 5], ["a", undefined, 6]]) {
      socket.say({ event: "signal-receive", room: "lobby", senderId, data, n });
    }
    assert.deepEqual(heard, [1, 2, 4, 5, 6]);
  });

  test("are not numbered for a server that keeps nobody's session", async () => {
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket });
    await settle();
    FakeSocket.last.say({ event: "connected", id: "x", version: 1 });
    void parley.signal("lobby", "a", {}).catch(() => {});
    assert.equal("n" in FakeSocket.last.request("signal-send"), false);
    parley.close();
  });
});

describe("members that are away", () => {
  test("are members, and come back", async () => {
    const { room, socket } = await keptInLobby();
    const heard = listen(room);
    socket.say({ event: "client-away", room: "lobby", id: "b", seq: 3 });
    socket.say({ event: "client-away", room: "lobby", id: "b", seq: 3 });
    socket.say({ event: "client-away", room: "lobby", id: "nobody", seq: 3 });
    assert.deepEqual([room.members, room.stateOf("b"), room.seq], [["a", "b"], "away", 4]);
    socket.say({ event: "client-back", room: "lobby", id: "b", seq: 6, prev: 4 });
    assert.deepEqual([room.stateOf("b"), room.seq], ["live", 6]);
    socket.say({ event: "client-away", room: "lobby", id: "b", seq: 3 });
    assert.equal(room.stateOf("b"), "live", "it has come back since");
    socket.say({ event: "client-away", room: "lobby", id: "b", seq: 6 });
    socket.say({ event: "client-back", room: "lobby", id: "b", fresh: true, seq: 8, prev: 6 });
    assert.deepEqual(heard, [
      ["member-away", "b"], ["member-back", "b", false], ["member-away", "b"], ["member-back", "b", true],
    ]);
    assert.equal(room.elder("b"), false);
  });

  test("are told with the room, and leave when their time is up", async () => {
    const parley = await kept();
    const entering = parley.enter("lobby");
    answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a", "b"], away: ["b"], seq: 4 });
    const room = await entering;
    await settle();
    assert.equal(room.stateOf("b"), "away");
    FakeSocket.last.say({ event: "client-left", room: "lobby", id: "b", seq: 5, prev: 4, reason: "lost" });
    FakeSocket.last.say({ event: "client-joined", room: "lobby", id: "b", seq: 6, prev: 5 });
    assert.equal(room.stateOf("b"), "live");
  });

  test("an owner's leaving names the one that follows, or nobody", async () => {
    for (const [frame, ownerId] of [[{ ownerId: "me" }, "me"], [{}, ""]]) {
      const { room, socket } = await keptInLobby();
      const heard = listen(room);
      socket.say({ event: "client-left", room: "lobby", id: "b", seq: 5, prev: 4, reason: "left" });
      socket.say({ event: "client-left", room: "lobby", id: "a", ...frame, seq: 6, prev: 5, reason: "lost" });
      assert.deepEqual(heard, [["leave", "b"], ["leave", "a"], ["owner", ownerId]]);
      assert.equal(room.owned, ownerId === "me");
    }
  });
});

describe("a session that came too late", () => {
  test("ends a room that was joined", async () => {
    for (const [reason, end] of [[undefined, ["lost", "lost"]], ["lost", ["lost", "lost"]], ["owner-lost", ["closed", "owner-lost"]]]) {
      const { room, parley } = await keptInLobby();
      const signalling = room.signal("a", {});
      const heard = listen(room);
      comeBack();
      answer("resume", { event: "not-in-room", reason });
      assert.deepEqual(heard, [["away", "lost"], ["end", ...end]]);
      await assert.rejects(signalling, { code: "not-in-room" });
      assert.equal(parley.rooms.size, 0);
    }
  });

  test("enters a room again that was entered, until the app leaves it", async () => {
    const parley = await kept();
    const entering = parley.enter("lobby", { onOwnerGone: "transfer" });
    answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a"], seq: 4 });
    const room = await entering;
    await settle();
    const heard = listen(room);
    comeBack();
    answer("resume", { event: "not-in-room", reason: "lost" });
    assert.deepEqual(heard, [["away", "lost"], ["leave", "a"], ["away", "lost"]]);
    await assert.rejects(room.signal("a", {}), { code: "not-in-room" });
    mock.timers.tick(5000);
    assert.deepEqual(sent().at(-1), { event: "room-enter", room: "lobby", onOwnerGone: "transfer" });
    answer("room-enter", { event: "room-joined", ownerId: "b", clients: ["b"], away: ["b"], seq: 9 });
    assert.deepEqual(heard.slice(3), [["join", "b"], ["member-away", "b"], ["back"]]);
    assert.deepEqual([room.state, room.caughtUp, room.ownerId], ["live", true, "b"]);
    comeBack();
    answer("resume", { event: "not-in-room" });
    await room.leave();
    mock.timers.tick(60000);
    assert.equal(events().includes("room-enter"), false);
  });

  test("is put out of a room that its owner has ended meanwhile", async () => {
    const { parley, room } = await keptInLobby();
    await parley.enter("lobby");
    comeBack();
    answer("resume", { event: "not-in-room", reason: "closed" });
    assert.deepEqual([room.ended, parley.rooms.size], ["closed", 0]);
  });

  test("enters a room again that its owner has ended after its own time was up", async () => {
    const { parley, room } = await keptInLobby();
    await parley.enter("lobby");
    FakeSocket.last.drop();
    mock.timers.tick(31000);
    connected();
    answer("resume", { event: "not-in-room", reason: "closed" });
    mock.timers.tick(5000);
    answer("room-enter", { event: "room-created", seq: 9 });
    assert.deepEqual([room.state, room.owned, parley.rooms.get("lobby")], ["live", true, room]);
  });

  test("loses its rooms when the server knows no sessions any more", async () => {
    const { parley, room } = await keptInLobby();
    const joining = parley.join("other");
    const entering = await keptInLobby();
    await entering.parley.enter("lobby");
    entering.parley.close();
    FakeSocket.all = FakeSocket.all.slice(0, 1);
    FakeSocket.last.drop();
    const waiting = parley.join("waiting");
    mock.timers.tick(600);
    FakeSocket.last.say({ event: "connected", id: "x", version: 1 });
    assert.equal(room.ended, "lost");
    await assert.rejects(joining, { code: "disconnected" }, "it may have been carried out, or not");
    assert.deepEqual(events(), ["room-join"]);
    answer("room-join", { event: "room-joined", ownerId: "a", clients: ["a"], seq: 2 });
    assert.equal((await waiting).selfId, "x");
  });
});

describe("resuming", () => {
  test("is tried again while the room service cannot be reached, and never once it was answered", async () => {
    const { room } = await keptInLobby({ pingInterval: 1e6 });
    comeBack();
    answer("resume", { event: "error", code: "unavailable", message: "in a moment" });
    await settle();
    assert.deepEqual(events(), ["resume"]);
    mock.timers.tick(250);
    assert.deepEqual(events(), ["resume", "resume"]);
    // Both are answered: the first one late.
    const [first] = FakeSocket.last.sent;
    FakeSocket.last.say({ event: "resumed", room: "lobby", ownerId: "a", clients: ["a"], away: [], fresh: [], seq: 5, ref: first.ref });
    resumed({ clients: ["a", "c"], seq: 6 });
    assert.deepEqual([room.state, room.members], ["live", ["a", "c"]]);
    mock.timers.tick(60000);
    await settle();
    assert.deepEqual(events(), ["resume", "resume"], "another one of the same turn would be refused for good");
  });

  test("is not tried again when the answer comes after it was given up", async () => {
    const { room } = await keptInLobby({ requestTimeout: 1000, pingInterval: 1e6 });
    comeBack();
    mock.timers.tick(1000);
    await settle();
    resumed();
    assert.equal(room.state, "live");
    mock.timers.tick(60000);
    assert.deepEqual(events(), ["resume"]);
  });

  test("is asked again on the next connection when it was not answered on this one", async () => {
    const { room } = await keptInLobby();
    comeBack();
    comeBack();
    assert.deepEqual(events(), ["resume"]);
    resumed();
    assert.equal(room.state, "live");
  });

  test("finds out what became of a join whose answer was lost", async () => {
    for (const method of ["create", "join", "enter"]) {
      const parley = await kept();
      const asking = parley[method]("lobby");
      comeBack();
      assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 0, heard: {} }]);
      resumed({ ownerId: method === "create" ? "me" : "a", clients: ["a"], away: ["a"] });
      const room = await asking;
      assert.deepEqual([room.state, room.members, room.stateOf("a"), room.owned], ["live", ["a"], "away", method === "create"]);
      assert.equal(parley.rooms.get("lobby"), room);
      assert.deepEqual(events(), ["resume"]);

      const other = parley[method]("other");
      comeBack();
      FakeSocket.last.say({ event: "not-in-room", room: "other", ref: FakeSocket.last.sent.find((f) => f.room === "other").ref });
      assert.equal(FakeSocket.last.sent.at(-1).event, `room-${method}`);
      answer(`room-${method}`, { event: "room-created", seq: 1 });
      assert.equal((await other).owned, true);
      parley.close();
    }
  });

  test("leaves a room again when the join was given up meanwhile", async () => {
    const parley = await kept({ requestTimeout: 1000 });
    const joining = parley.join("lobby");
    FakeSocket.last.drop();
    mock.timers.tick(1000);
    await assert.rejects(joining, { code: "timeout" });
    connected();
    resumed();
    assert.deepEqual(sent().at(-1), { event: "room-leave", room: "lobby" });
    assert.equal(parley.rooms.size, 0);
  });

  test("comes first where the session is in a room of which the page knows nothing", async () => {
    const parley = await kept();
    const joining = parley.join("lobby");
    answer("room-join", { event: "error", code: "resume-first", message: "resume it" });
    assert.deepEqual(sent().at(-1), { event: "resume", room: "lobby", seq: 0, heard: {}, fresh: true });
    resumed();
    assert.deepEqual((await joining).members, ["a", "b"]);

    const creating = parley.create("theirs");
    answer("room-create", { event: "error", code: "resume-first", message: "resume it" });
    answer("resume", { event: "resumed", ownerId: "a", clients: ["a"], away: [], fresh: ["a"], seq: 3 });
    await assert.rejects(creating, { code: "room-exists" });
    assert.deepEqual(sent().at(-1), { event: "room-leave", room: "theirs" });

    const leaving = parley.leave("old");
    answer("room-leave", { event: "error", code: "resume-first", message: "resume it" });
    answer("resume", { event: "resumed", ownerId: "a", clients: ["a"], away: [], fresh: ["a"], seq: 3 });
    assert.deepEqual(events().slice(-2), ["resume", "room-leave"]);
    answer("room-leave", { event: "error", code: "resume-first", message: "resume it" });
    await assert.rejects(leaving, { code: "resume-first" }, "a server that says so twice is not asked for ever");
  });
});

describe("leaving while away", () => {
  test("is done as soon as the server can be told", async () => {
    const { parley, room } = await keptInLobby();
    const signalling = room.signal("a", {});
    FakeSocket.last.drop();
    await room.leave();
    assert.deepEqual([room.ended, parley.rooms.size], ["left", 0]);
    await assert.rejects(signalling, { code: "not-in-room" });
    mock.timers.tick(600);
    connected();
    assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 0, heard: {}, fresh: true }]);
    resumed();
    assert.deepEqual(sent().slice(1), [{ event: "room-leave", room: "lobby" }]);
  });

  test("and entering again is another stay, with nothing of the one before", async () => {
    const { parley, room } = await keptInLobby();
    FakeSocket.last.drop();
    void room.leave();
    const entering = parley.enter("lobby");
    mock.timers.tick(600);
    connected();
    resumed();
    assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 0, heard: {}, fresh: true }]);
    assert.notEqual(await entering, room);
    assert.equal((await entering).state, "live");
  });

  test("while it is being resumed: it is left, then entered", async () => {
    const { parley, room } = await keptInLobby();
    comeBack();
    void room.leave();
    const entering = parley.enter("lobby");
    assert.deepEqual(sent(), [{ event: "resume", room: "lobby", seq: 4, heard: {} }]);
    resumed();
    assert.deepEqual(events(), ["resume", "room-leave", "room-enter"]);
    answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a", "b"], seq: 9 });
    assert.notEqual(await entering, room);
  });

  test("a leave whose answer was lost is made again, unless it has been carried out", async () => {
    for (const left of [false, true]) {
      const { room } = await keptInLobby();
      const leaving = room.leave();
      comeBack();
      assert.deepEqual(events(), ["resume"]);
      if (left) answer("resume", { event: "not-in-room", reason: "left" });
      else resumed();
      assert.deepEqual(events(), ["resume", "room-leave"]);
      answer("room-leave", left ? { event: "not-in-room" } : { event: "room-left", kicked: false });
      await leaving;
      assert.equal(room.ended, "left");
    }
  });

  test("so with ending it for all; and what is ended is not come back to", async () => {
    for (const [response, put] of [[{ event: "room-left", kicked: false }, resumed], [{ event: "not-in-room" }, () => answer("resume", { event: "not-in-room" })]]) {
      const { parley, room } = await keptInLobby();
      await parley.enter("lobby");
      FakeSocket.last.drop();
      const closing = room.close();
      mock.timers.tick(600);
      connected();
      put();
      answer("room-close", response);
      await closing;
      assert.equal(room.ended, "left");
      mock.timers.tick(60000);
      assert.equal(events().includes("room-enter"), false);
      parley.close();
    }
    const { parley, room } = await keptInLobby();
    await parley.enter("lobby");
    FakeSocket.last.say({ event: "room-left", room: "lobby", kicked: true, reason: "removed" });
    const closing = room.close();
    answer("room-close", { event: "not-in-room" });
    await closing;
    assert.equal(room.ended, "left");
    parley.close();
  });

  test("by a listener of what has just come: it is heeded", async () => {
    const { parley, room } = await keptInLobby();
    room.on("leave", () => void room.leave());
    comeBack();
    resumed({ ownerId: "b", clients: ["b"] });
    assert.deepEqual(events(), ["resume", "room-leave"]);
    answer("room-leave", { event: "room-left", kicked: false });
    assert.equal(room.ended, "left");

    const closing = await keptInLobby();
    closing.room.on("back", () => closing.parley.close());
    comeBack();
    resumed();
    assert.deepEqual([closing.parley.state, closing.room.ended, events()], ["closed", "left", ["resume"]]);
    parley.close();
  });
});

describe("a session that goes on elsewhere", () => {
  test("is not taken back", async () => {
    const { parley, room, socket } = await keptInLobby();
    await parley.enter("lobby");
    const told = [];
    for (const type of ["moved", "close", "away"]) parley.on(type, ({ code }) => told.push([type, code]));
    const asking = parley.join("other");
    socket.drop(4409, "resumed elsewhere");
    await assert.rejects(asking, { code: "closed" });
    assert.deepEqual([parley.state, room.ended, told], ["closed", "moved", [["moved", 4409], ["close", 4409]]]);
    mock.timers.tick(60000);
    assert.equal(FakeSocket.all.length, 1);
  });
});

describe("a page that goes", () => {
  test("leaves its rooms at once, and enters them anew should the browser bring it back", async (t) => {
    const listeners = new Map();
    t.after(() => delete globalThis.addEventListener);
    globalThis.addEventListener = (type, listener) => listeners.set(type, listener);
    const { parley, room, socket } = await keptInLobby();
    await parley.enter("lobby");
    const heard = listen(room);
    listeners.get("pagehide")();
    assert.equal(socket.closed, 1000);
    assert.deepEqual(heard, [["leave", "a"], ["leave", "b"], ["away", "lost"]]);
    mock.timers.tick(600);
    connected();
    mock.timers.tick(0);
    assert.deepEqual(events(), ["room-enter"]);
    FakeSocket.last.drop();
    listeners.get("pagehide")(); // with no connection to be told
    assert.equal(parley.state, "waiting");
  });
});

describe("a room that was entered", () => {
  test("is resumed, and not entered once more besides", async () => {
    const { parley, room } = await keptInLobby();
    await parley.enter("lobby");
    comeBack();
    resumed({ clients: ["a"], seq: 6 });
    mock.timers.tick(60_000);
    await settle();
    assert.equal(room.state, "live");
    assert.deepEqual(events().filter((event) => event === "room-enter"), []);
  });
});
