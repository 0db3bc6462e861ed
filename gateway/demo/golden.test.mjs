// What parley.js sends and understands, held against the frames that the tests in Go read.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { FakeSocket, opened, useFakes } from "./fakes.mjs";

useFakes();

// The same frames that the tests in Go read: what stands on the wire, one for every shape.
const golden = JSON.parse(readFileSync(new URL("../../proto/testdata/golden.json", import.meta.url), "utf8"));

describe("the golden frames", () => {
  test("what parley.js sends is what they say, but for the ref", async () => {
    const parley = await opened();
    const rest = ({ room, targetId, data }) => [room, targetId, data].filter((v) => v !== undefined);
    const methods = { "room-create": "create", "room-join": "join", "room-leave": "leave", "signal-send": "signal" };
    const checked = new Set();
    for (const { what, wire } of golden.frames) {
      const frame = JSON.parse(wire);
      if (!methods[frame.event] || frame.ref === undefined) continue;
      parley[methods[frame.event]](...rest(frame)).catch(() => {});
      const sent = { ...FakeSocket.last.sent.at(-1), ref: frame.ref };
      assert.equal(JSON.stringify(sent), wire, what);
      checked.add(frame.event);
    }
    assert.deepEqual([...checked].sort(), Object.keys(methods).sort(), "every request has a golden frame with a ref");
    parley.close();
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
