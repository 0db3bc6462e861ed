// Tests of peer connections, their negotiation, and the mesh of a room.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { ParleyError, Peer } from "../parley.js";
import { comeBack, FakePC, FakeSocket, joined, keptInLobby, resumed, settle, useFakes } from "./fakes.mjs";

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

describe("a negotiation of which something was lost", () => {
  /** Lets the time pass within which an answer should come. */
  const patience = async () => {
    await settle();
    mock.timers.tick(5000);
    await settle();
  };

  test("is made anew with a new path; where an answer was awaited, when that has not come", async () => {
    const { a, b, pass } = pair();
    a.peer.renew();
    assert.equal(a.pc.restarts, 1);

    a.pc.onnegotiationneeded();
    await settle();
    a.sent.length = 0; // the offer arrives, its answer does not
    a.peer.renew();
    await settle();
    assert.deepEqual([a.pc.restarts, a.pc.signalingState], [1, "have-local-offer"], "it may still come");
    await patience();
    assert.deepEqual([a.pc.restarts, a.pc.signalingState], [2, "stable"]);
    a.pc.onnegotiationneeded();
    await pass();
    assert.deepEqual([a.pc.remoteDescription.type, b.pc.remoteDescription.type], ["answer", "offer"]);
  });

  test("is not made anew when the answer comes after all", async () => {
    const { a, pass } = pair();
    a.pc.onnegotiationneeded();
    await settle();
    a.peer.renew();
    await pass();
    await patience();
    assert.deepEqual([a.pc.restarts, a.pc.signalingState, a.errors], [0, "stable", []]);
  });

  test("does not leave both sides waiting: an offer that the other one never got is made anew", async () => {
    for (const making of [false, true]) {
      const { a, b, pass } = pair();
      b.pc.onnegotiationneeded();
      if (!making) await settle();
      a.pc.onnegotiationneeded();
      await settle();
      b.sent.length = 0; // lost; and b, which is not polite, ignores the offer of a
      if (making) {
        // b hears it while its own is being made.
        b.pc.signalingState = "stable";
        b.pc.onnegotiationneeded();
        void b.peer.receive(a.sent.shift());
        await settle();
        b.sent.length = 0;
      } else await pass();
      assert.deepEqual([a.pc.signalingState, b.pc.signalingState], ["have-local-offer", "have-local-offer"]);
      await patience();
      assert.deepEqual([b.pc.restarts, b.pc.signalingState], [1, "stable"]);
      b.pc.onnegotiationneeded();
      await pass();
      assert.deepEqual([a.pc.signalingState, b.pc.signalingState, a.errors, b.errors], ["stable", "stable", [], []]);
    }
  });

  test("takes nothing back while signals have to wait, nor once it is closed", async () => {
    let waits = true;
    const { a } = pair({ a: { waits: () => waits } });
    a.pc.onnegotiationneeded();
    await settle();
    a.peer.renew();
    for (let i = 0; i < 5; i++) await patience();
    assert.equal(a.pc.signalingState, "have-local-offer");
    waits = false;
    await patience();
    assert.deepEqual([a.pc.signalingState, a.pc.restarts], ["stable", 1]);
    a.pc.onnegotiationneeded();
    await settle();
    a.peer.renew();
    a.peer.close();
    await patience();
    assert.deepEqual([a.pc.restarts, a.errors], [1, []]);
  });

  test("a path that breaks while signals have to wait is looked after when they need not", async () => {
    let waits = true;
    const { b } = pair({ b: { waits: () => waits } });
    b.pc.become("disconnected");
    mock.timers.tick(60000);
    assert.equal(b.pc.restarts, 0);
    waits = false;
    b.peer.mend(3000);
    mock.timers.tick(2999);
    assert.equal(b.pc.restarts, 0);
    mock.timers.tick(1);
    assert.equal(b.pc.restarts, 1);
    b.pc.become("connected");
    b.peer.mend();
    mock.timers.tick(60000);
    assert.equal(b.pc.restarts, 1, "a path that works is left alone");
    b.pc.become("disconnected");
    b.peer.mend(3000);
    b.pc.become("connected");
    mock.timers.tick(60000);
    assert.equal(b.pc.restarts, 1, "so is one that works again");
  });

  test("an offer of another RTCPeerConnection shows by its certificate, and only an offer does", () => {
    const { a } = pair();
    const description = (type, print) => ({ type, sdp: `v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=fingerprint:sha-256 ${print}\r\n` });
    assert.equal(a.peer.isOfAnother(description("offer", "AA:BB")), false);
    a.peer.receive({ description: description("offer", "AA:BB") });
    assert.equal(a.peer.isOfAnother(description("offer", "AA:BB")), false);
    assert.equal(a.peer.isOfAnother(description("offer", "AA:CC")), true);
    assert.equal(a.peer.isOfAnother(description("answer", "AA:CC")), false);
    assert.equal(a.peer.isOfAnother({ type: "offer", sdp: "none" }), false);
    assert.equal(a.peer.isOfAnother(undefined), false);
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

  test("has another peer for a member whose page was loaded anew, told or not", async () => {
    const { room, socket } = await keptInLobby({ RTCPeerConnection: FakePC });
    const met = [];
    const mesh = room.mesh((peer) => {
      met.push(`+${peer.id}`);
      peer.on("close", () => met.push(`-${peer.id}`));
    });
    const offer = (print) => ({ event: "signal-receive", room: "lobby", senderId: "b", data: { description: { type: "offer", sdp: `a=fingerprint:sha-256 ${print}` } } });
    socket.say({ event: "client-back", room: "lobby", id: "a", fresh: true, seq: 5, prev: 4 });
    assert.deepEqual(met.splice(0), ["+a", "+b", "-a", "+a"]);
    mesh.peers.get("a").pc.onnegotiationneeded();
    await settle();
    assert.equal(socket.request("signal-send").targetId, "a", "it begins: the other one does not know whether it is there");

    socket.say(offer("AA"));
    socket.say(offer("BB"));
    await settle();
    assert.deepEqual(met, ["-b", "+b"]);
    assert.equal(mesh.peers.get("b").pc.remoteDescription.sdp, "a=fingerprint:sha-256 BB");
    mesh.close();
  });

  test("goes on while signalling is away; then only those are negotiated with anew who need it", async () => {
    const { room, socket } = await keptInLobby({ RTCPeerConnection: FakePC });
    for (const [i, id] of ["broken", "fresh", "works"].entries()) socket.say({ event: "client-joined", room: "lobby", id, seq: 5 + i, prev: 4 + i });
    const mesh = room.mesh(() => {});
    const before = new Map([...mesh.peers].map(([id, { pc }]) => [id, pc]));
    for (const pc of before.values()) pc.become("connected");
    socket.drop();
    before.get("broken").become("disconnected");
    before.get("broken").become("failed");
    mock.timers.tick(9000);
    const restarts = () => Object.fromEntries([...before].map(([id, pc]) => [id, pc.restarts]));
    assert.deepEqual([...mesh.peers.keys()], ["a", "b", "broken", "fresh", "works"]);
    assert.deepEqual([...mesh.peers].filter(([id, { pc }]) => before.get(id) !== pc), []);
    FakeSocket.last.say({ event: "connected", id: "me", version: 1, keep: 30 });
    resumed({ clients: ["a", "b", "broken", "fresh", "works"], fresh: ["fresh"], seq: 9 });
    assert.notEqual(mesh.peers.get("fresh").pc, before.get("fresh"));
    mock.timers.tick(1000);
    assert.deepEqual(restarts(), { a: 0, b: 0, broken: 0, fresh: 0, works: 0 }, "what was sent meanwhile may mend it");
    FakeSocket.last.say({ event: "live", room: "lobby", lost: { a: 7, gone: 1 } });
    mock.timers.tick(0);
    assert.deepEqual(restarts(), { a: 1, b: 0, broken: 1, fresh: 0, works: 0 });
    assert.equal(mesh.peers.get("fresh").pc.restarts, 0);
    assert.equal(mesh.peers.get("b").pc, before.get("b"));
    mesh.close();
  });

  test("looks for no path to a member that is away, and for one when it is back and finds none itself", async () => {
    const { room, socket } = await keptInLobby({ RTCPeerConnection: FakePC, pingInterval: 1e6, pingTimeout: 1e6 });
    const mesh = room.mesh(() => {});
    const { pc } = mesh.peers.get("b");
    pc.become("connected");
    socket.say({ event: "client-away", room: "lobby", id: "b", seq: 4 });
    pc.become("disconnected");
    mock.timers.tick(20000);
    assert.equal(pc.restarts, 0);
    socket.say({ event: "client-back", room: "lobby", id: "b", seq: 5, prev: 4 });
    assert.equal(mesh.peers.get("b").pc, pc);
    mock.timers.tick(3000);
    assert.equal(pc.restarts, 1);
    mesh.close();
  });

  test("is whole again when it came back too late, and its room was entered anew", async () => {
    const { parley, room } = await keptInLobby({ RTCPeerConnection: FakePC });
    await parley.enter("lobby");
    const mesh = room.mesh(() => {});
    comeBack();
    const { ref } = FakeSocket.last.request("resume");
    FakeSocket.last.say({ event: "not-in-room", room: "lobby", reason: "lost", ref });
    assert.equal(mesh.peers.size, 0);
    mock.timers.tick(5000);
    FakeSocket.last.say({ event: "room-joined", room: "lobby", ownerId: "a", clients: ["a"], seq: 9, ref: FakeSocket.last.request("room-enter").ref });
    const { pc } = mesh.peers.get("a");
    pc.become("disconnected");
    mock.timers.tick(6000);
    assert.equal(pc.restarts, 1, "and mends its paths as ever");
    mesh.close();
  });
});
