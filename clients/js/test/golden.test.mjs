// What parley.js sends and understands, held against the frames that the tests in Go read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { answer, comeBack, FakeSocket, kept, opened, settle, useFakes } from "./fakes.mjs";

useFakes();

// The same frames that the tests in Go read: what stands on the wire, one for every shape.
const golden = JSON.parse(readFileSync(new URL("../../../proto/testdata/golden.json", import.meta.url), "utf8"));

/** What an app calls for each request. */
const calls = {
  "room-create": (parley, { room, onOwnerGone }) => parley.create(room, { onOwnerGone }),
  "room-enter": (parley, { room, onOwnerGone }) => parley.enter(room, { onOwnerGone }),
  "room-join": (parley, { room, meta }) => parley.join(room, { meta }),
  "room-leave": (parley, { room }) => parley.leave(room),
  "room-close": (parley, { room }) => parley.closeRoom(room),
  "signal-send": (parley, { room, targetId, data }) => parley.signal(room, targetId, data),
  "room-knock": (parley, { room, meta }) => parley.knock(room, { meta }),
  "member-update": (_, { meta }, room) => room.setMeta(meta),
  "room-kick": (_, { targetId, message }, room) => room.kick(targetId, { message }),
  "room-ban": (_, { targetId, sub, seconds }, room) => room.ban(targetId ?? { sub }, { seconds }),
  "room-unban": (_, { sub }, room) => room.unban(sub),
  "room-update": (_, { event, room: name, ref, ...changes }, room) => room.update(changes),
  "room-transfer": (_, { targetId }, room) => room.transfer(targetId),
  "room-roster": (_, frame, room) => room.roster(),
  "room-admit": (_, { targetId }, room) => room.admit(targetId),
  "room-refuse": (_, { targetId }, room) => room.refuse(targetId),
};

/** The last frame sent, with the ref of another. */
function lastWith(ref) {
  const sent = { ...FakeSocket.last.sent.at(-1), ref };
  return JSON.stringify(sent);
}

describe("the golden frames", () => {
  test("what parley.js sends is what they say, but for the ref", async () => {
    const parley = await opened();
    const joining = parley.join("lobby");
    answer("room-join", { event: "room-joined", ownerId: "me", clients: [], seq: 1 });
    const lobby = await joining;
    const checked = new Set();
    for (const { what, wire } of golden.frames) {
      const frame = JSON.parse(wire);
      if (!calls[frame.event] || frame.n) continue; // ping and resume are no calls, and numbers are a session's
      calls[frame.event](parley, frame, lobby).catch(() => {});
      assert.equal(lastWith(frame.ref), wire, what);
      checked.add(frame.event);
    }
    assert.deepEqual([...checked].sort(), Object.keys(calls).sort(), "every request has a golden frame");
    parley.close();
  });

  test("a session numbers its signals, and resumes, as they say", async () => {
    const { wire: numbered } = golden.frames.find(({ what }) => what === "signal, numbered by the client");
    const { wire: resuming } = golden.frames.find(({ what }) => what === "resume");
    const [signal, resume] = [JSON.parse(numbered), JSON.parse(resuming)];
    const parley = await kept();
    void parley.signal(signal.room, signal.targetId, signal.data).catch(() => {});
    assert.equal(lastWith(signal.ref), numbered);

    void parley.join(resume.room);
    answer("room-join", { event: "room-joined", ownerId: "me", clients: Object.keys(resume.heard), seq: resume.seq });
    for (const [senderId, n] of Object.entries(resume.heard)) FakeSocket.last.say({ event: "signal-receive", room: resume.room, senderId, data: {}, n });
    comeBack();
    assert.equal(lastWith(resume.ref), resuming);
    parley.close();
  });

  test("what a session is told changes its room as they say", async () => {
    const checked = new Set();
    for (const { what, wire } of golden.events) {
      const frame = JSON.parse(wire);
      if (!["resumed", "live", "client-back", "client-left"].includes(frame.event)) continue;
      checked.add(frame.event);
      const parley = await kept();
      const joining = parley.join(frame.room);
      const owner = frame.event === "client-left" ? frame.id : "9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5";
      const clients = [...new Set([owner, "c2d4e6f8-1a3c-4e5f-9a7b-8c9dadbecfd0"])];
      answer("room-join", { event: "room-joined", ownerId: owner, clients, seq: 4 });
      const room = await joining;
      await settle();
      const told = [];
      for (const type of ["member-back", "live", "owner"]) room.on(type, (detail) => told.push([type, ...Object.values(detail)]));
      const { ref, ...rest } = frame;
      if (frame.event === "resumed") {
        comeBack();
        answer("resume", rest);
        assert.deepEqual([room.ownerId, room.members, room.seq], [frame.ownerId, frame.clients, frame.seq], what);
        for (const id of frame.clients) assert.equal(room.stateOf(id), frame.away.includes(id) ? "away" : "live", what);
        assert.deepEqual(told.filter(([type]) => type === "member-back"), frame.fresh.map((id) => ["member-back", id, true]), what);
      } else {
        FakeSocket.last.say(wire);
        if (frame.event === "live") assert.deepEqual(told, [["live", Object.keys(frame.lost)]], what);
        if (frame.event === "client-back") assert.deepEqual([told, room.seq], [[["member-back", frame.id, frame.fresh ?? false]], frame.seq], what);
        if (frame.event === "client-left") assert.deepEqual(told, [["owner", frame.ownerId ?? ""]], what);
      }
      parley.close();
    }
    assert.deepEqual([...checked].sort(), ["client-back", "client-left", "live", "resumed"], "each has a golden frame");
  });

  test("each answer has its outcome", async () => {
    const outcomes = {
      "room-created": ["create", (room, frame) => assert.deepEqual([room.name, room.seq, room.owned], [frame.room, frame.seq, frame.ownerId === undefined])],
      "room-joined": ["join", (room, frame) => assert.deepEqual([room.name, room.seq, room.ownerId, room.members], [frame.room, frame.seq, frame.ownerId, frame.clients])],
      "room-left": ["leave", (nothing) => assert.equal(nothing, undefined)],
      "signal-sent": ["signal", (nothing) => assert.equal(nothing, undefined)],
      "room-exists": ["create", "room-exists"],
      "room-not-exists": ["join", "room-not-exists"],
      "not-in-room": ["signal", "not-in-room"],
      "target-not-found": ["signal", "target-not-found"],
      error: ["join", (error, frame) => assert.deepEqual([error.code, error.message], [frame.code, frame.message])],
    };
    const seen = new Set();
    for (const { what, wire } of golden.events) {
      const frame = JSON.parse(wire);
      const outcome = outcomes[frame.event];
      if (!outcome) continue;
      seen.add(frame.event);
      const [method, expected] = outcome;
      const parley = await opened();
      const result = parley[method](frame.room ?? "lobby", frame.targetId, {}).then((value) => value, (error) => error);
      FakeSocket.last.say({ ...frame, ref: FakeSocket.last.sent.at(-1).ref });
      const got = await result;
      if (typeof expected === "string") assert.equal(got.code, expected, what);
      else expected(got, frame);
      parley.close();
    }
    assert.deepEqual([...seen].sort(), Object.keys(outcomes).sort(), "every answer has a golden frame");
  });

  test("each push is heard by the room", async () => {
    const heard = [];
    for (const { wire } of golden.events) {
      const frame = JSON.parse(wire);
      if (!["client-joined", "client-left", "signal-receive"].includes(frame.event)) continue;
      const parley = await opened();
      const joining = parley.join(frame.room);
      FakeSocket.last.say({
        event: "room-joined", room: frame.room, ownerId: "a", clients: frame.event === "client-left" ? ["a", frame.id] : ["a"], seq: 1,
        ref: FakeSocket.last.sent.at(-1).ref,
      });
      const room = await joining;
      await settle();
      for (const type of ["join", "leave", "signal"]) {
        room.on(type, (detail) => {
          heard.push(type);
          if (type === "signal") assert.deepEqual(detail, { senderId: frame.senderId, data: frame.data });
          else assert.deepEqual([detail.id, room.seq], [frame.id, frame.seq]);
        });
      }
      FakeSocket.last.say(wire);
      parley.close();
    }
    assert.deepEqual([...new Set(heard)].sort(), ["join", "leave", "signal"]);
  });
});
