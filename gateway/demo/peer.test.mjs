// Tests of peer connections, their negotiation, and the mesh of a room.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { ParleyError, Peer } from "./assets/parley.js";
import { FakePC, joined, settle, useFakes } from "./fakes.mjs";

useFakes();

/** Two peers, `a` (polite) and `b`, whose signals wait until they are passed on. */
function pair(options = {}) {
  const make = (selfId, id) => {
    const sent = [];
    const peer = new Peer({ id, selfId, RTCPeerConnection: FakePC, send: async (data) => void sent.push(structuredClone(data)), ...options[selfId] });
    const errors = [];
    peer.on("error", (error) => errors.push(error));
    return { peer, pc: peer.pc, sent, errors };
  };
  const [a, b] = [make("a", "b"), make("b", "a")];
  const pass = async () => {
    await settle();
    for (let i = 0; i < 10 && a.sent.length + b.sent.length > 0; i++) {
      const [toB, toA] = [a.sent.splice(0), b.sent.splice(0)];
      for (const data of toB) b.peer.receive(data);
      for (const data of toA) a.peer.receive(data);
      await settle();
    }
  };
  return { a, b, pass };
}

describe("negotiation", () => {
  test("one side offers, the other answers", async () => {
    const { a, b, pass } = pair();
    a.pc.onnegotiationneeded();
    await pass();
    assert.equal(b.pc.remoteDescription.type, "offer");
    assert.equal(a.pc.remoteDescription.type, "answer");
    assert.deepEqual([a.pc.signalingState, b.pc.signalingState], ["stable", "stable"]);
  });

  test("when two offers cross, the polite side takes its own back and both agree", async () => {
    const { a, b, pass } = pair();
    assert.deepEqual([a.peer.polite, b.peer.polite], [true, false]);
    a.pc.onnegotiationneeded();
    b.pc.onnegotiationneeded();
    await pass();
    assert.deepEqual([a.pc.signalingState, b.pc.signalingState], ["stable", "stable"]);
    assert.equal(a.pc.remoteDescription.type, "offer", "the impolite side's offer stands");
    assert.equal(b.pc.remoteDescription.type, "answer");
    assert.deepEqual([a.errors, b.errors], [[], []]);
  });

  test("candidates before the description wait for it; an empty one ends them", async () => {
    const { b } = pair();
    b.peer.receive({ candidate: { candidate: "candidate:1", sdpMid: "0" } });
    await b.peer.receive({ candidate: {} });
    assert.deepEqual(b.pc.candidates, []);
    await b.peer.receive({ description: { type: "offer", sdp: "x" } });
    assert.deepEqual(b.pc.candidates, [{ candidate: "candidate:1", sdpMid: "0" }, null]);
  });

  test("our own end of candidates goes out as an empty object", async () => {
    const { a } = pair();
    a.pc.onicecandidate({ candidate: null });
    await settle();
    assert.deepEqual(a.sent, [{ candidate: {} }]);
  });

  test("a newcomer lets the other begin, and begins itself when that one does not", async () => {
    const { a, b, pass } = pair({ a: { patience: 2000 } });
    a.pc.onnegotiationneeded();
    await settle();
    assert.deepEqual(a.sent, []);
    mock.timers.tick(2000);
    await pass();
    assert.equal(b.pc.remoteDescription.type, "offer");

    const other = pair({ a: { patience: 2000 } });
    other.a.pc.onnegotiationneeded();
    other.b.pc.onnegotiationneeded();
    await other.pass();
    assert.equal(other.a.pc.remoteDescription.type, "offer");
    mock.timers.tick(2000);
    await settle();
    assert.deepEqual(other.a.sent, [], "what was answered is not offered again");
  });

  test("a signal that the server could not pass on is sent again", async () => {
    let fail = 1;
    const sent = [];
    const peer = new Peer({
      id: "b",
      selfId: "a",
      RTCPeerConnection: FakePC,
      send: async (data) => {
        if (fail-- > 0) throw new ParleyError("unavailable", "later");
        sent.push(data);
      },
    });
    peer.pc.onicecandidate({ candidate: null });
    await settle();
    assert.deepEqual(sent, []);
    mock.timers.tick(2000);
    await settle();
    assert.deepEqual(sent, [{ candidate: {} }]);
  });

  /** A peer, and `refuse`: whether the server cannot pass its signals on. */
  function held(selfId, id) {
    const server = { refuse: true, sent: [] };
    const send = async (data) => {
      if (server.refuse) throw new ParleyError("unavailable", "later");
      server.sent.push(data.description?.type ?? "candidate");
    };
    return { server, peer: new Peer({ id, selfId, RTCPeerConnection: FakePC, send }) };
  }

  /** Lets the longest wait between two tries pass. */
  const later = async () => {
    mock.timers.tick(10000);
    await settle();
  };

  test("a signal that waits is overtaken by none that needs it", async () => {
    const { server, peer } = held("a", "b");
    await peer.receive({ description: { type: "offer", sdp: "x" } });
    peer.pc.onicecandidate({ candidate: { candidate: "candidate:1" } });
    peer.pc.onnegotiationneeded();
    await settle();
    for (let i = 0; i < 20; i++) await later(); // however long the server is away
    assert.deepEqual(server.sent, []);
    server.refuse = false;
    await later();
    assert.deepEqual(server.sent, ["answer", "candidate", "offer"], "the other side would ignore the offer while it waits for the answer");
  });

  test("an offer that was taken back before it could be sent is not made", async () => {
    const { server, peer } = held("a", "b");
    peer.pc.onnegotiationneeded();
    await settle();
    await peer.receive({ description: { type: "offer", sdp: "x" } });
    server.refuse = false;
    await later();
    assert.deepEqual(server.sent, ["answer"]);
  });

  test("a description that comes twice, as one that was sent again may, is taken once", async () => {
    const { b } = pair();
    const offer = { description: { type: "offer", sdp: "x" } };
    await b.peer.receive(offer);
    await b.peer.receive(offer);
    await settle();
    assert.deepEqual(b.sent.map((s) => s.description.type), ["answer"]);
    b.pc.onnegotiationneeded();
    await settle();
    const answer = { description: { type: "answer", sdp: "y" } };
    await b.peer.receive(answer);
    await b.peer.receive(answer);
    assert.deepEqual([b.pc.signalingState, b.errors], ["stable", []]);
  });

  test("a failed connection looks for another path, a closed one does not", async () => {
    const { b } = pair();
    b.pc.become("failed");
    mock.timers.tick(0);
    assert.equal(b.pc.restarts, 1);
    b.pc.become("failed");
    b.peer.close();
    mock.timers.tick(60000);
    assert.equal(b.pc.restarts, 1);
    assert.equal(b.peer.state, "closed");
  });
});

describe("a mesh", () => {
  test("has a peer for each member, gives each its signals, and ends with the room", async () => {
    const { room, socket } = await joined({ RTCPeerConnection: FakePC });
    socket.say({ event: "signal-receive", room: "lobby", senderId: "a", data: { description: { type: "offer", sdp: "early" } } });
    const met = [];
    const gone = [];
    const mesh = room.mesh((peer) => {
      met.push(peer.id);
      peer.on("close", () => gone.push(peer.id));
    });
    await settle();
    assert.deepEqual(socket.request("signal-send").data.description.type, "answer");
    socket.say({ event: "client-joined", room: "lobby", id: "c", seq: 5, prev: 4 });
    assert.deepEqual(met, ["a", "b", "c"]);
    socket.say({ event: "client-left", room: "lobby", id: "b", seq: 6, prev: 5 });
    assert.deepEqual(gone, ["b"]);
    socket.say({ event: "room-left", room: "lobby", kicked: true });
    assert.deepEqual(gone, ["b", "a", "c"]);
    assert.equal(mesh.peers.size, 0);
  });

  test("asks whether the connection stands when a path breaks: the network may be another", async () => {
    const { room, socket } = await joined({ RTCPeerConnection: FakePC });
    const mesh = room.mesh(() => {});
    mesh.peers.get("a").pc.become("connected");
    assert.equal(socket.sent.some(({ event }) => event === "ping"), false);
    mesh.peers.get("a").pc.become("disconnected");
    assert.equal(socket.request("ping").event, "ping");
    mesh.close();
  });
});
