// Tests of parley.js against a WebSocket that is made up here: what it sends, what it makes of what it hears, and what it
// does when the connection goes. The server knows no sessions: those are in session.test.mjs. Run with `node --test`.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { closeMessage, connect, ParleyError } from "../parley.js";
import { FakePC, FakeSocket, joined, opened, settle, useFakes } from "./fakes.mjs";

useFakes();

describe("connecting", () => {
  test("is at /ws of an address that has no path", async () => {
    for (const address of ["http://server.test", "ws://server.test/", "http://server.test/?x=1"]) {
      connect(address, { WebSocket: FakeSocket, keep: 0 });
      await settle();
      assert.match(FakeSocket.last.url, /^ws:\/\/server\.test\/ws(\?x=1)?$/);
    }
  });

  test("offers the subprotocol and takes http addresses for WebSocket ones", async () => {
    connect("https://server.test/ws#x", { WebSocket: FakeSocket, keep: 0 });
    await settle();
    assert.equal(FakeSocket.last.url, "wss://server.test/ws");
    assert.deepEqual(FakeSocket.last.protocols, ["parley.v1"]);
  });

  test("requests made before the connection stands are sent when it does, in order", async () => {
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket });
    const one = parley.create("one");
    const two = parley.join("two");
    await settle();
    assert.deepEqual(FakeSocket.last.sent, []);
    FakeSocket.last.say({ event: "connected", id: "me", version: 1 });
    assert.deepEqual(FakeSocket.last.sent.map((f) => [f.event, f.room]), [["room-create", "one"], ["room-join", "two"]]);
    FakeSocket.last.say({ event: "room-created", room: "one", seq: 1, ref: FakeSocket.last.sent[0].ref });
    assert.equal((await one).owned, true);
    FakeSocket.last.say({ event: "room-not-exists", room: "two", ref: FakeSocket.last.sent[1].ref });
    await assert.rejects(two, { name: "ParleyError", code: "room-not-exists", room: "two" });
  });

  test("an attempt that hears nothing is given up and made again", async () => {
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, openTimeout: 1000, firstDelay: 100 });
    await settle();
    const [first] = FakeSocket.all;
    mock.timers.tick(1000);
    assert.equal(parley.state, "waiting");
    assert.equal(first.closed, 4000);
    mock.timers.tick(100);
    assert.equal(FakeSocket.all.length, 2);
    first.say({ event: "connected", id: "late", version: 1 });
    assert.equal(parley.state, "connecting", "a socket that was given up must not speak any more");
  });
});

describe("requests", () => {
  test("answers find their request by ref, whatever their order", async () => {
    const parley = await opened();
    const [x, y] = [parley.create("x"), parley.create("y")];
    const [rx, ry] = FakeSocket.last.sent.map((f) => f.ref);
    assert.notEqual(rx, ry);
    FakeSocket.last.say({ event: "room-exists", room: "y", ref: ry });
    FakeSocket.last.say({ event: "room-created", room: "x", seq: 1, ref: rx });
    await assert.rejects(y, { code: "room-exists" });
    assert.equal((await x).name, "x");
  });

  test("an error carries the server's code and words, and says whether to try again", async () => {
    const parley = await opened();
    const joining = parley.join("x");
    const { ref } = FakeSocket.last.request("room-join");
    FakeSocket.last.say({ event: "error", code: "unavailable", message: "in a moment", room: "x", senderId: "me", ref });
    await assert.rejects(joining, (error) => error instanceof ParleyError && error.temporary && error.message === "in a moment");
  });

  test("what is larger than the server takes is not sent, and its sender told at once", async () => {
    const { parley, room, socket } = await joined();
    socket.say({ event: "connected", id: "me", version: 1, limits: { frame: 200, rooms: 3 } });
    assert.deepEqual(parley.limits, { frame: 200, rooms: 3 });
    const frame = (data) => JSON.stringify({ event: "signal-send", room: "lobby", targetId: "a", data, ref: "2" });
    for (const char of ["x", "é", "€", "\ud83d\ude00"]) {
      const sent = socket.sent.length;
      const bytes = Buffer.byteLength(char);
      // Each request has another ref, of one digit here.
      const most = "x".repeat((200 - frame("").length) % bytes) + char.repeat((200 - frame("").length) / bytes);
      void room.signal("a", most).catch(() => {});
      assert.equal(socket.sent.length, sent + 1);
      await assert.rejects(room.signal("a", `${most}x`), { code: "too-large", temporary: false, room: "lobby", targetId: "a" });
      assert.equal(socket.sent.length, sent + 1);
    }
  });

  test("without a limit everything is sent, and the server refuses it by its ref", async () => {
    const { room, socket } = await joined();
    const signalling = room.signal("a", "x".repeat(70000));
    const { ref } = socket.request("signal-send");
    socket.say({ event: "error", code: "too-large", message: "too large: a frame may have 65536 bytes", room: "lobby", senderId: "me", ref });
    await assert.rejects(signalling, { code: "too-large" });
  });

  test("an error that answers nothing of ours is told by an event", async () => {
    const parley = await opened();
    const errors = [];
    parley.on("error", (error) => errors.push(error.code));
    FakeSocket.last.say({ event: "error", code: "bad-request", message: "no" });
    assert.deepEqual(errors, ["bad-request"]);
  });

  test("a request that is never answered is given up, and a room that comes late is left again", async () => {
    const parley = await opened({ requestTimeout: 1000, pingInterval: 60000 });
    const joining = parley.join("x");
    const { ref } = FakeSocket.last.request("room-join");
    mock.timers.tick(1000);
    await assert.rejects(joining, { code: "timeout" });
    FakeSocket.last.say({ event: "room-joined", room: "x", ownerId: "a", clients: ["a"], seq: 2, ref });
    assert.equal(parley.rooms.size, 0);
    assert.deepEqual(FakeSocket.last.sent.at(-1), { event: "room-leave", room: "x" });
  });

  test("enter is one request, whether it joins or creates", async () => {
    for (const answer of [{ event: "room-joined", ownerId: "a", clients: ["a"], seq: 3 }, { event: "room-created", seq: 3 }]) {
      const parley = await opened();
      const entering = parley.enter("x", { onOwnerGone: "stay" });
      const { ref, ...sent } = FakeSocket.last.sent.at(-1);
      assert.deepEqual(sent, { event: "room-enter", room: "x", onOwnerGone: "stay" });
      FakeSocket.last.say({ room: "x", ref, ...answer });
      assert.equal((await entering).ownerId, answer.ownerId ?? "me");
    }
  });

  test("of a server that does not know it: enter joins, creates where there is nothing, and joins what another created meanwhile", async () => {
    const parley = await opened();
    const entering = parley.enter("x");
    for (const [event, answer] of [
      ["room-enter", { event: "error", code: "bad-request", message: "there is no event room-enter" }],
      ["room-join", { event: "room-not-exists" }],
      ["room-create", { event: "room-exists" }],
    ]) {
      assert.equal(FakeSocket.last.sent.at(-1).event, event);
      FakeSocket.last.say({ room: "x", ref: FakeSocket.last.sent.at(-1).ref, ...answer });
      await settle();
    }
    const { event, ref } = FakeSocket.last.sent.at(-1);
    assert.equal(event, "room-join");
    FakeSocket.last.say({ event: "room-joined", room: "x", ownerId: "a", clients: ["a"], seq: 3, ref });
    assert.equal((await entering).ownerId, "a");
  });

  test("only its owner closes a room for all", async () => {
    const { room, socket } = await joined();
    const closing = room.close();
    const { ref } = socket.request("room-close");
    socket.say({ event: "error", code: "forbidden", message: "you are not its owner", room: "lobby", ref });
    await assert.rejects(closing, { code: "forbidden", temporary: false });
    assert.equal(room.ended, null);
    const again = room.close();
    socket.say({ event: "room-left", room: "lobby", kicked: false, ref: socket.request("room-close").ref });
    await again;
    assert.equal(room.ended, "left");
  });

  test("a signal is fulfilled when it was delivered and rejected when the target is gone", async () => {
    const { room, socket } = await joined();
    const data = { description: { type: "offer", sdp: "v=0" } };
    const sending = room.signal("a", data);
    const sent = socket.request("signal-send");
    assert.deepEqual([sent.room, sent.targetId, sent.data], ["lobby", "a", data]);
    socket.say({ event: "signal-sent", room: "lobby", targetId: "a", ref: sent.ref });
    await sending;
    const again = room.signal("b", data);
    socket.say({ event: "target-not-found", room: "lobby", targetId: "b", ref: socket.request("signal-send").ref });
    await assert.rejects(again, { code: "target-not-found", targetId: "b" });
  });

  test("leaving a room that one is not in is no error", async () => {
    const parley = await opened();
    const leaving = parley.leave("x");
    FakeSocket.last.say({ event: "not-in-room", room: "x", ref: FakeSocket.last.request("room-leave").ref });
    await leaving;
  });
});

describe("rooms", () => {
  test("members stand in the order in which they joined, and come and go by events", async () => {
    const { room, socket } = await joined();
    const heard = [];
    room.on("join", ({ id }) => heard.push(`+${id}`));
    room.on("leave", ({ id }) => heard.push(`-${id}`));
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 5, prev: 4 });
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 5, prev: 4 });
    socket.say({ event: "client-left", room: "lobby", id: "b", seq: 6, prev: 5 });
    socket.say({ event: "client-left", room: "elsewhere", id: "a", seq: 6, prev: 5 });
    assert.deepEqual(heard, ["+c", "-b"]);
    assert.deepEqual(room.members, ["a", "c"]);
    assert.equal(room.seq, 6);
    assert.deepEqual([room.elder("a"), room.elder("c")], [true, false]);
  });

  test("joining again gives the same room and tells the difference", async () => {
    const { parley, room, socket } = await joined();
    const heard = [];
    room.on("join", ({ id }) => heard.push(`+${id}`));
    room.on("leave", ({ id }) => heard.push(`-${id}`));
    const again = parley.join("lobby");
    socket.say({ event: "room-joined", room: "lobby", ownerId: "a", clients: ["a", "d"], seq: 9, ref: socket.request("room-join").ref });
    assert.equal(await again, room);
    assert.deepEqual(heard, ["-b", "+d"]);
  });

  test("that was just joined keeps its events until the app has it and listens, though they come with the answer", async () => {
    const parley = await opened();
    const wrapped = async () => (await (async () => parley.join("lobby"))()); // an app's own functions in between
    const joining = wrapped();
    const { ref } = FakeSocket.last.request("room-join");
    FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "a", clients: ["a"], seq: 4, ref });
    FakeSocket.last.say({ event: "client-joined", room: "lobby", id: "b", seq: 5, prev: 4 });
    FakeSocket.last.say({ event: "signal-receive", room: "lobby", senderId: "b", data: { candidate: {} } });
    const room = await joining;
    const heard = [];
    room.on("join", ({ id }) => heard.push(id));
    room.on("signal", ({ senderId }) => heard.push(senderId + "'s signal"));
    await settle();
    assert.deepEqual(heard, ["b", "b's signal"]);
    assert.deepEqual(room.members, ["a", "b"]);
    parley.close();
  });

  test("signals that come before there is a listener are kept for it, save those of who has left", async () => {
    const { room, socket } = await joined();
    for (const senderId of ["a", "b", "a"]) socket.say({ event: "signal-receive", room: "lobby", senderId, data: { candidate: {} } });
    socket.say({ event: "client-left", room: "lobby", id: "b", seq: 5, prev: 4 });
    const heard = [];
    room.on("signal", ({ senderId }) => heard.push(senderId));
    assert.deepEqual(heard, ["a", "a"]);
    socket.say({ event: "signal-receive", room: "lobby", senderId: "a", data: { candidate: {} } });
    assert.deepEqual(heard, ["a", "a", "a"]);
  });

  test("a room ends once: left as asked, closed by its owner, or lost with the connection", async () => {
    for (const [how, act] of [
      ["left", ({ room, socket }) => {
        const leaving = room.leave();
        socket.say({ event: "room-left", room: "lobby", kicked: false, ref: socket.request("room-leave").ref });
        return leaving;
      }],
      ["closed", ({ socket }) => socket.say({ event: "room-left", room: "lobby", kicked: true, reason: "owner-left" })],
      ["lost", ({ socket }) => socket.drop()],
    ]) {
      const all = await joined();
      const ends = [];
      all.room.on("end", (end) => ends.push(end.how));
      await act(all);
      all.socket.say({ event: "room-left", room: "lobby", kicked: true });
      assert.deepEqual(ends, [how]);
      assert.equal(all.parley.rooms.size, 0);
      await assert.rejects(all.room.signal("a", {}), { code: "not-in-room" });
    }
  });
});

describe("a room that was entered", () => {
  /** A connection that has entered `lobby`, with `a` (its owner) and `b` there already, and what it hears. */
  async function entered(options) {
    const parley = await opened(options);
    const entering = parley.enter("lobby");
    answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a", "b"], seq: 4 });
    const room = await entering;
    await settle();
    const heard = [];
    room.on("join", ({ id }) => heard.push(`+${id}`));
    room.on("leave", ({ id }) => heard.push(`-${id}`));
    for (const type of ["away", "back", "end"]) room.on(type, (detail) => heard.push({ [type]: detail }));
    return { parley, room, heard };
  }

  /** Answers the last request, which has to be one of that kind for the lobby. */
  function answer(request, frame) {
    const { event, room, ref } = FakeSocket.last.sent.at(-1);
    assert.deepEqual([event, room], [request, "lobby"]);
    FakeSocket.last.say({ room, ref, ...frame });
  }

  const putOut = (reason) => FakeSocket.last.say({ event: "room-left", room: "lobby", kicked: true, reason });
  const asked = () => FakeSocket.last.sent.length;

  /** Lets as much time pass as a first attempt to come back may take. */
  async function soon(ms = 5000) {
    mock.timers.tick(ms);
    await settle();
  }

  for (const reason of ["owner-left", "owner-lost", "removed", "a word of later"]) {
    test(`is come back to when the server says ${reason}`, async () => {
      const { parley, room, heard } = await entered();
      putOut(reason);
      assert.deepEqual(heard.splice(0), ["-a", "-b", { away: { reason } }]);
      assert.deepEqual([room.state, room.members, parley.rooms.size], ["away", [], 0]);
      await assert.rejects(room.signal("a", {}), { code: "not-in-room" });
      await soon();
      answer("room-enter", { event: "room-joined", ownerId: "b", clients: ["b", "c"], seq: 9 });
      assert.deepEqual(heard, ["+b", "+c", { back: {} }]);
      assert.deepEqual([room.state, room.ownerId, room.seq, room.elder("c")], ["live", "b", 9, true]);
      assert.equal(parley.rooms.get("lobby"), room, "it is the same room to the app");
    });
  }

  test("is come back to again when the dead owner's death is noticed only after that", async () => {
    const { room, heard } = await entered();
    FakeSocket.last.drop(); // the owner's gateway was ours, too
    assert.deepEqual(heard.splice(0), ["-a", "-b", { away: { reason: "lost" } }]);
    await soon();
    FakeSocket.last.say({ event: "connected", id: "me2", version: 1 });
    await soon(0);
    answer("room-enter", { event: "room-joined", ownerId: "a", clients: ["a"], seq: 5 }); // the record has the dead
    assert.equal(room.selfId, "me2");
    await soon(15000);
    putOut("owner-lost");
    await soon();
    answer("room-enter", { event: "room-created", seq: 7 });
    assert.deepEqual(heard, ["+a", { back: {} }, "-a", { away: { reason: "owner-lost" } }, { back: {} }]);
    assert.equal(room.owned, true);
  });

  test("is not come back to once the app has left it: before, meanwhile, or while the answer is on its way", async () => {
    const before = await entered();
    const leaving = before.room.leave();
    putOut("owner-left");
    answer("room-leave", { event: "not-in-room" });
    await leaving;
    assert.deepEqual(before.heard.at(-1), { end: { how: "closed", reason: "owner-left" } });

    const meanwhile = await entered();
    putOut("owner-left");
    await meanwhile.room.leave();
    assert.deepEqual(meanwhile.heard.at(-1), { end: { how: "left", reason: undefined } });
    const sent = asked();
    await soon(60000);
    assert.equal(FakeSocket.last.sent.slice(sent).some(({ event }) => event !== "ping"), false);

    const late = await entered();
    putOut("owner-left");
    await soon();
    await late.parley.leave("lobby");
    answer("room-enter", { event: "room-joined", ownerId: "b", clients: ["b"], seq: 9 });
    assert.deepEqual(FakeSocket.last.sent.at(-1), { event: "room-leave", room: "lobby" });
    assert.equal(late.parley.rooms.size, 0);
    assert.equal(late.room.ended, "left");

    const refused = await entered();
    putOut("owner-left");
    await soon();
    await refused.room.leave();
    answer("room-enter", { event: "error", code: "bad-request", message: "there is no event room-enter" });
    await settle();
    assert.equal(FakeSocket.last.sent.at(-1).event, "room-enter", "nothing is joined or created for one that has left");
  });

  test("may be entered anew right after it was left", async () => {
    const { parley, room } = await entered();
    putOut("owner-left");
    await soon();
    const first = FakeSocket.last.sent.at(-1);
    room.leave();
    const again = parley.enter("lobby");
    FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "b", clients: ["b"], seq: 9, ref: first.ref });
    answer("room-enter", { event: "room-joined", ownerId: "b", clients: ["b"], seq: 9 });
    assert.notEqual(await again, room);
    assert.equal((await again).state, "live");
  });

  test("leaves nobody behind in the room that was left, whatever else is asked about it meanwhile", async () => {
    for (const [ask, refusal] of [
      [({ parley }) => parley.create("lobby"), { event: "room-exists" }],
      [({ parley }) => parley.signal("lobby", "b", {}), { event: "target-not-found", targetId: "b" }],
    ]) {
      const all = await entered();
      putOut("owner-left");
      await soon();
      const { ref } = FakeSocket.last.request("room-enter");
      all.room.leave();
      const asking = ask(all);
      const { event } = FakeSocket.last.sent.at(-1);
      // The server handles both in order: this client is in the room that another has created.
      FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "b", clients: ["b"], seq: 9, ref });
      if (FakeSocket.last.sent.at(-1).event === event) answer(event, refusal);
      else FakeSocket.last.say({ room: "lobby", ref: FakeSocket.last.request(event).ref, ...refusal });
      await assert.rejects(asking, { code: refusal.event });
      assert.equal(FakeSocket.last.sent.at(-1).event, "room-leave");
      assert.equal(all.parley.rooms.size, 0);
    }
  });

  test("is tried again while that may help, at longer and longer intervals, and ended when it does not", async () => {
    const { room, heard } = await entered({ pingInterval: 1e6 });
    putOut("removed");
    await soon();
    answer("room-enter", { event: "error", code: "unavailable", message: "in a moment" });
    await settle();
    const before = asked();
    await soon(200);
    assert.equal(asked(), before, "not at once");
    await soon();
    answer("room-enter", { event: "error", code: "room-full", message: "full" });
    await settle();
    assert.deepEqual(heard.at(-1), { end: { how: "closed", reason: "room-full" } });
    assert.equal(room.state, "ended");
  });

  test("is come back to at different times by those that were put out at once", async () => {
    const times = new Set();
    for (let i = 0; i < 20; i++) {
      const { parley } = await entered();
      mock.timers.tick(10000); // a stay that has lasted
      const before = asked();
      putOut("owner-lost");
      let ms = 0;
      for (; asked() === before && ms < 1000; ms++) mock.timers.tick(1);
      assert.ok(ms < 400, `after ${ms} ms`);
      times.add(ms);
      parley.close();
    }
    assert.ok(times.size > 5, `20 came back at ${[...times]}`);
  });

  test("does not end in haste when each stay is short", async () => {
    const { parley } = await entered({ firstDelay: 100, mostDelay: 60000 });
    let waited = 0;
    for (let i = 0; i < 8; i++) {
      const before = asked();
      putOut("removed");
      for (waited = 0; asked() === before && waited < 100000; waited += 50) mock.timers.tick(50);
      FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "a", clients: ["a"], seq: 9 + i, ref: FakeSocket.last.request("room-enter").ref });
    }
    assert.ok(waited >= 3000, `the eighth attempt came after ${waited} ms`);
    parley.close();
  });

  test("ends when its owner ended it for all, and with the connection that is closed for good", async () => {
    const one = await entered();
    putOut("closed");
    assert.deepEqual(one.heard.at(-1), { end: { how: "closed", reason: "closed" } });
    const two = await entered();
    two.parley.close();
    assert.deepEqual(two.heard, [{ end: { how: "left", reason: undefined } }]);
    const three = await entered();
    putOut("removed");
    three.parley.close();
    assert.deepEqual(three.heard.at(-1), { end: { how: "left", reason: undefined } });
  });

  test("what was joined is kept once it is entered, without another request", async () => {
    const { parley, room, socket } = await joined();
    const before = socket.sent.length;
    assert.equal(await parley.enter("lobby"), room);
    assert.equal(socket.sent.length, before);
    putOut("owner-lost");
    assert.equal(room.state, "away");
  });

  test("its mesh has new peers when it is back", async () => {
    const { room } = await entered({ RTCPeerConnection: FakePC });
    const met = [];
    room.mesh((peer) => {
      met.push(`+${peer.id}`);
      peer.on("close", () => met.push(`-${peer.id}`));
    });
    putOut("owner-lost");
    await soon();
    answer("room-enter", { event: "room-joined", ownerId: "b", clients: ["b"], seq: 9 });
    assert.deepEqual(met, ["+a", "+b", "-a", "-b", "+b"]);
  });
});

describe("a lost connection", () => {
  test("rejects what was asked, says which rooms are lost, and comes back with another id", async () => {
    const { parley, socket } = await joined();
    const told = [];
    parley.on("away", ({ message, rooms }) => told.push([message, rooms]));
    parley.on("open", (open) => told.push(open));
    const asked = parley.create("x");
    socket.drop(1001, "going away");
    await assert.rejects(asked, { code: "disconnected" });
    assert.equal(parley.id, null);
    await assert.rejects(parley.signal("lobby", "a", {}), { code: "disconnected" });
    mock.timers.tick(1000);
    assert.equal(FakeSocket.all.length, 2);
    FakeSocket.last.say({ event: "connected", id: "me2", version: 1 });
    assert.deepEqual(told, [["The server is going away for a moment. This server is older than version 0.2 and keeps no sessions, so the rooms were lost with it: update the server.", ["lobby"]], { id: "me2", again: true }]);
    assert.deepEqual(FakeSocket.last.sent, [], "a request of the connection before must not be made again unasked");
  });

  test("the wait doubles to its limit, jittered, and begins anew after a steady connection", async () => {
    const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, firstDelay: 1000, mostDelay: 8000 });
    const delays = [];
    parley.on("away", ({ delay }) => delays.push(delay));
    await settle();
    for (let i = 0; i < 6; i++) {
      FakeSocket.last.drop();
      mock.timers.tick(delays.at(-1));
    }
    [1000, 2000, 4000, 8000, 8000, 8000].forEach((most, i) => {
      assert.ok(delays[i] >= most / 2 && delays[i] <= most, `attempt ${i + 1}: ${delays[i]} ms, not ${most / 2} to ${most}`);
    });
    FakeSocket.last.say({ event: "connected", id: "me", version: 1 });
    FakeSocket.last.drop();
    assert.ok(delays.at(-1) >= 4000, "a connection that ends at once must not count as a success");
    mock.timers.tick(delays.at(-1));
    FakeSocket.last.say({ event: "connected", id: "me", version: 1 });
    mock.timers.tick(6000);
    FakeSocket.last.drop();
    assert.ok(delays.at(-1) <= 1000, `after a steady connection: ${delays.at(-1)} ms`);
  });

  test("an overloaded server is given time", async () => {
    const parley = await opened({ mostDelay: 15000 });
    const delays = [];
    parley.on("away", ({ delay }) => delays.push(delay));
    FakeSocket.last.drop(1013, "try again later");
    assert.ok(delays[0] >= 2500, `${delays[0]} ms`);
  });

  test("close ends it for good, and so does a loss when reconnecting is not wanted", async () => {
    const { parley, socket } = await joined();
    const closing = parley.create("x");
    parley.close();
    assert.equal(socket.closed, 1000);
    await assert.rejects(closing, { code: "closed" });
    await assert.rejects(parley.join("x"), { code: "closed" });
    const other = await opened({ reconnect: false });
    FakeSocket.last.drop(1011, "id 7");
    assert.equal(other.state, "closed");
    const before = FakeSocket.all.length;
    mock.timers.tick(60000);
    assert.equal(FakeSocket.all.length, before);
  });

  test("what a listener does about a lost room stands: closing, or trying again at once", async () => {
    const one = await joined();
    const told = [];
    one.parley.on("away", () => told.push("away"));
    one.room.on("end", () => one.parley.close());
    one.socket.drop();
    assert.equal(one.parley.state, "closed");

    const two = await joined({ openTimeout: 1e6 });
    two.room.on("end", () => two.parley.retry());
    const before = FakeSocket.all.length;
    two.socket.drop();
    mock.timers.tick(60000);
    assert.equal(FakeSocket.all.length, before + 1, "one loss, one new attempt");
    assert.deepEqual(told, []);
  });

  test("silence is met with a ping, and an unheard ping with another connection", async () => {
    const parley = await opened({ pingInterval: 1000, pingTimeout: 500, requestTimeout: 60000, firstDelay: 100 });
    const socket = FakeSocket.last;
    const pings = () => socket.sent.filter((f) => f.event === "ping").length;
    socket.say({ event: "pong" });
    mock.timers.tick(1000);
    assert.equal(pings(), 0, "a server that spoke need not be asked");
    mock.timers.tick(1000);
    assert.equal(pings(), 1);
    socket.say({ event: "pong" });
    mock.timers.tick(500);
    assert.equal(parley.state, "open");
    mock.timers.tick(1000);
    assert.equal(pings(), 2);
    mock.timers.tick(500);
    assert.equal(parley.state, "waiting");
    assert.equal(socket.closed, 4000, "1000 would say that it leaves its rooms");
  });

  test("when the network comes back, the connection is asked whether it has outlived that", async (t) => {
    t.after(() => delete globalThis.addEventListener);
    let online;
    globalThis.addEventListener = (type, listener) => type === "online" && (online = listener);
    const parley = await opened({ pingInterval: 60000, pingTimeout: 500 });
    const socket = FakeSocket.last;
    online();
    assert.equal(socket.request("ping").event, "ping");
    socket.say({ event: "pong" });
    mock.timers.tick(500);
    assert.equal(parley.state, "open");
    online();
    mock.timers.tick(500);
    assert.equal(parley.state, "waiting");
    online();
    assert.equal(FakeSocket.all.length, 2, "nor is the next attempt waited for");
  });

  test("every closing code has its sentence", () => {
    for (const code of [1000, 1001, 1006, 1007, 1008, 1009, 1011, 1013, 4409]) {
      assert.match(closeMessage(code), /^[A-Z].*\.$/);
    }
    assert.match(closeMessage(1008, "too slow"), /slow/);
  });
});

describe("frames of later versions and of nobody", () => {
  test("unknown events, unknown members and text that is not JSON are passed over", async () => {
    const { room, socket } = await joined();
    socket.say("not json");
    socket.say({ event: "something-new", room: "lobby" });
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 5, prev: 4, colour: "red" });
    assert.deepEqual(room.members, ["a", "b", "c"]);
  });
});
