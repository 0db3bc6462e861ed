// A WebSocket and a peer connection that are made up here, for the tests of parley.js.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock } from "node:test";
import { connect } from "../parley.js";

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static all = [];
  static get last() {
    return FakeSocket.all.at(-1);
  }

  sent = [];
  closed = null;

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closed = code;
  }

  // What the test does as the server.

  say(frame) {
    this.onmessage({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  drop(code = 1006, reason = "") {
    this.onclose({ code, reason });
  }

  /** The last frame sent for this event, which must be there. */
  request(event) {
    const frame = this.sent.findLast((f) => f.event === event);
    assert.ok(frame, `no ${event} was sent; sent were ${JSON.stringify(this.sent)}`);
    return frame;
  }
}

/** Stops the clock in each test of a file: it goes on as the test says. */
export function useFakes() {
  beforeEach(() => {
    FakeSocket.all = [];
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
  });
  afterEach(() => mock.timers.reset());
}

/** Lets everything run that waits for nothing but its turn. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A connection that stands, with the id `me`. */
export async function opened(options = {}) {
  const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, ...options });
  await settle();
  FakeSocket.last.say({ event: "connected", id: "me", version: 1 });
  return parley;
}

/** The same with a server that keeps its session. */
export async function kept(options = {}) {
  const parley = connect("ws://server.test/ws", { WebSocket: FakeSocket, ...options });
  await settle();
  connected();
  return parley;
}

/** The last socket stands, for a client whose session is kept. */
export function connected() {
  FakeSocket.last.say({ event: "connected", id: "me", version: 1, keep: 30 });
}

/** A connection whose session is kept, and that has joined `lobby`, with `a` (its owner) and `b` there already. */
export async function keptInLobby(options) {
  const parley = await kept(options);
  const joining = parley.join("lobby");
  answer("room-join", { event: "room-joined", room: "lobby", ownerId: "a", clients: ["a", "b"], seq: 4 });
  const room = await joining;
  await settle(); // the app has it
  return { parley, room, socket: FakeSocket.last };
}

/** Answers the last request of this kind on the last socket. */
export function answer(request, frame) {
  const { room, ref } = FakeSocket.last.request(request);
  FakeSocket.last.say({ room, ref, ...frame });
}

/** The connection is lost, and the next one stands. */
export function comeBack(code) {
  FakeSocket.last.drop(code);
  for (const before = FakeSocket.all.length; FakeSocket.all.length === before; ) mock.timers.tick(50);
  connected();
}

/** The answer to `resume` of the lobby: with `a` and `b`, as before, unless something else is said. */
export function resumed(frame) {
  answer("resume", { event: "resumed", ownerId: "a", clients: ["a", "b"], away: [], fresh: [], seq: 4, ...frame });
}

/** A connection that has joined `lobby`, with `a` (its owner) and `b` there already. */
export async function joined(options) {
  const parley = await opened(options);
  const joining = parley.join("lobby");
  const { ref } = FakeSocket.last.request("room-join");
  FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "a", clients: ["a", "b"], seq: 4, ref });
  const room = await joining;
  await settle(); // the app has it
  return { parley, room, socket: FakeSocket.last };
}

/** A peer connection that knows descriptions and states, and no network. */
export class FakePC {
  signalingState = "stable";
  connectionState = "new";
  localDescription = null;
  remoteDescription = null;
  candidates = [];
  restarts = 0;
  n = 0;

  async setLocalDescription(description) {
    await null;
    if (description?.type === "rollback") {
      this.localDescription = null;
      this.signalingState = "stable";
      return;
    }
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.localDescription = { type, sdp: `${type} ${++this.n}` };
    this.signalingState = type === "answer" ? "stable" : "have-local-offer";
  }

  async setRemoteDescription(description) {
    await null;
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("an answer to nothing");
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable"; // rolls back
  }

  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw new Error("a candidate before its description");
    this.candidates.push(candidate ?? null);
  }

  restartIce() {
    this.restarts++;
  }

  close() {
    this.signalingState = "closed";
  }

  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange();
  }
}
