// STUN and TURN servers that the server tells.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { Ice } from "../parley/ice.js";
import { Peer } from "../parley/peer.js";
import { FakePC, settle, useFakes } from "./fakes.mjs";

useFakes();

const stun = [{ urls: ["stun:a"] }];
const all = (n) => [...stun, { urls: ["turn:b"], username: String(n), credential: "c" }];

describe("the servers", () => {
  test("are none, and nobody is asked, where the server has none", async () => {
    const ice = new Ice(() => assert.fail("it was asked"));
    ice.connected(undefined);
    assert.deepEqual(await ice.servers(), []);
  });

  test("are asked for once, and again when half of their time is over", async () => {
    let asked = 0;
    const ice = new Ice(async () => ({ iceServers: all(++asked), ttl: 600 }));
    ice.connected(stun);
    const [one, two] = await Promise.all([ice.servers(), ice.servers()]);
    assert.deepEqual([one, two, asked], [all(1), all(1), 1]);
    mock.timers.tick(299_000);
    assert.equal(await ice.servers(), one);
    mock.timers.tick(2_000);
    assert.deepEqual([await ice.servers(), asked], [all(2), 2]);
  });

  test("are those that need no credentials while the others are not told, and then are asked for again", async () => {
    let fails = true;
    const ice = new Ice(async () => {
      if (fails) throw new Error("unavailable");
      return { iceServers: all(1), ttl: 60 };
    });
    ice.connected(stun);
    assert.deepEqual(await ice.servers(), stun);
    fails = false;
    assert.deepEqual(await ice.servers(), all(1));
  });
});

describe("a peer connection", () => {
  test("is told them before each description, where they are others than before", async () => {
    const told = [];
    class PC extends FakePC {
      setConfiguration({ iceServers, iceTransportPolicy }) {
        told.push([iceTransportPolicy, iceServers.length, this.localDescription === null || this.localDescription === undefined]);
      }
    }
    let servers = all(1);
    const peer = new Peer({ id: "b", selfId: "a", send: async () => {}, rtc: { iceTransportPolicy: "relay" }, ice: async () => servers, RTCPeerConnection: PC });
    peer.pc.onnegotiationneeded();
    await settle();
    assert.deepEqual(told, [["relay", 2, true]]);
    servers = all(2);
    peer.pc.onnegotiationneeded();
    await settle();
    assert.equal(told.length, 2);
    peer.pc.onnegotiationneeded();
    await settle();
    assert.equal(told.length, 2, "they are the same");
  });
});
