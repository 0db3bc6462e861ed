/**
 * A peer connection to every member of a room.
 *
 * @module parley/mesh
 */
import { Peer } from "./peer.js";

/** @import { Room } from "./room.js" */

/** How long a member that is back may take to look for a new path by itself. */
const backWithin = 3000;

/**
 * Peer connections to all members of a room. They close as members leave, and all of them when the
 * room ends. While this client or a member is away they go on, and nothing is negotiated that had to wait.
 */
export class Mesh {
  /** By member id. @type {Map<string, Peer>} */
  peers = new Map();

  #room;
  #onPeer;
  #options;
  #broken;
  #stops;

  /**
   * @param {Room} room
   * @param {(peer: Peer) => void} onPeer see {@link Room#mesh}.
   * @param {{ rtc?: RTCConfiguration, ice?: () => Promise<RTCIceServer[]>, broken?: () => void, RTCPeerConnection?: typeof RTCPeerConnection }} [options]
   *   broken is called when the path to a member breaks.
   */
  constructor(room, onPeer, { broken, ...options } = {}) {
    this.#room = room;
    this.#onPeer = onPeer;
    this.#options = options;
    this.#broken = broken;
    for (const id of room.members) this.#add(id);
    this.#stops = [
      room.on("join", ({ id }) => this.#add(id)),
      room.on("leave", ({ id }) => this.#remove(id)),
      room.on("member-back", ({ id, fresh }) => (fresh ? this.#replace(id) : this.peers.get(id)?.mend(backWithin))),
      room.on("live", ({ lost }) => this.#live(lost)),
      room.on("end", () => this.close()),
      room.on("signal", ({ senderId, data }) => this.#receive(senderId, data)),
    ];
  }

  /** Closes every connection and makes no more. It does not leave the room. */
  close() {
    for (const stop of this.#stops) stop();
    for (const id of [...this.peers.keys()]) this.#remove(id);
  }

  #add(id) {
    const room = this.#room;
    const peer = new Peer({
      ...this.#options,
      id,
      selfId: room.selfId,
      send: (data) => room.signal(id, data),
      waits: () => !room.caughtUp || room.stateOf(id) === "away",
      // Who was here first starts: it learned of the newcomer by its join, and one offer is enough.
      patience: room.elder(id) ? 2000 : 0,
    });
    this.peers.set(id, peer);
    // Perhaps it is our own network that has changed.
    peer.on("state", (state) => state === "disconnected" && this.#broken?.());
    this.#onPeer(peer);
  }

  #remove(id) {
    const peer = this.peers.get(id);
    this.peers.delete(id);
    peer?.close();
  }

  /** The other side has nothing left of its connection with us. */
  #replace(id) {
    this.#remove(id);
    this.#add(id);
  }

  /** Signalling is back. Whose signals may be missing is negotiated with anew, and whose path broke meanwhile. */
  #live(lost) {
    for (const [id, peer] of this.peers) {
      if (lost.includes(id)) peer.renew();
      else peer.mend();
    }
  }

  #receive(id, data) {
    if (this.peers.get(id)?.isOfAnother(data?.description)) this.#replace(id);
    this.peers.get(id)?.receive(data);
  }
}
