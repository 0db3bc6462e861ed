/**
 * Parley's client for browsers: rooms, signals, and peer connections over them.
 *
 * Two browsers connected in ten lines:
 *
 *     import { connect } from "./parley.js";
 *     const camera = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
 *     const room = await connect().enter("lobby");
 *     room.mesh((peer) => {
 *       for (const track of camera.getTracks()) peer.pc.addTrack(track, camera);
 *       const video = document.body.appendChild(document.createElement("video"));
 *       video.autoplay = true;
 *       peer.on("track", ({ streams }) => { video.srcObject = streams[0]; });
 *       peer.on("close", () => video.remove());
 *     });
 *
 * Four classes, from the wire up. Each can be used without those after it:
 *
 * - {@link Parley}: the connection. Requests are promises; it comes back by itself when it is lost, and the session with it.
 * - {@link Room}: a room that this client is in: its members, and signals to and from them.
 * - {@link Mesh}: a peer connection to every member of a room.
 * - {@link Peer}: one RTCPeerConnection and its negotiation, which either side may start.
 *
 * They are in the folder `parley` beside this file, which has to come along with it.
 *
 * The server's side of all this is PROTOCOL.md, sections 1, 2, 4 and 5.
 *
 * @module parley
 */
import { Parley } from "./parley/client.js";

export { Parley };
export { closeMessage, ParleyError } from "./parley/errors.js";
export { Mesh } from "./parley/mesh.js";
export { Peer } from "./parley/peer.js";
export { Room } from "./parley/room.js";

/**
 * @typedef {object} Options
 * @property {RTCConfiguration} [rtc] what peer connections are made with. Without ICE servers, which is the default, they are
 *   those that the server tells. Where it has none browsers on one machine or one local network find each other; across the
 *   internet give at least a STUN server: `{ iceServers: [{ urls: "stun:stun.example.org" }] }`.
 * @property {number} [keep=30] seconds, 300 at most, for which this client stays in its rooms after it lost its connection.
 *   The server may keep it for less. 0: it leaves them at once.
 * @property {boolean} [persist=false] keep the session when the page is loaded anew: in `sessionStorage`, for the pages of
 *   this tab. A tab that is duplicated gets a session of its own. Without it a page that goes leaves its rooms at once. For
 *   one connection to a server in a page.
 * @property {string | (() => string | Promise<string>)} [token] who this client is and what it may, signed by the app's server,
 *   where the Parley server asks for that. A function is asked for each connection, and again before a token expires.
 * @property {boolean} [reconnect=true] connect again after the connection is lost.
 * @property {number} [firstDelay=500] milliseconds before a new attempt after one that failed; it doubles with each. The
 *   first attempt after a connection that lasted is made sooner.
 * @property {number} [mostDelay=15000] the longest wait between attempts, in milliseconds. It is 2 s at most for as long as the
 *   server keeps this client in its rooms, unless that is overloaded.
 * @property {number} [openTimeout=10000] milliseconds that an attempt may take.
 * @property {number} [requestTimeout=15000] milliseconds until a request is given up. The server gives
 *   up after 10 s and says so; this is for when the server says nothing.
 * @property {number} [pingInterval=20000] milliseconds of silence after which a ping is sent.
 * @property {number} [pingTimeout=10000] milliseconds that the server then has to say something.
 * @property {typeof WebSocket} [WebSocket] another implementation, as for tests.
 * @property {typeof RTCPeerConnection} [RTCPeerConnection] likewise.
 */

/**
 * @typedef {object} Creation
 * @property {object} [meta] what this client says of itself: see {@link Entry}.
 * @property {"close" | "transfer" | "stay"} [onOwnerGone="close"] what becomes of the room when its owner leaves, or was away
 *   for too long: it is closed; the member that has been in longest owns it; it goes on without an owner. In the last two
 *   cases it closes with its last member.
 */

/**
 * What comes into a room with this client.
 *
 * @typedef {object} Entry
 * @property {object} [meta] what this client says of itself, such as a name: a JSON object of 256 bytes at most. All members see it.
 * @property {string} [password] the room's, if it has one.
 */

/**
 * What others see of a member.
 *
 * @typedef {object} Info
 * @property {string} [user] who it is, by the app's word.
 * @property {object} [claims] the app's word on it.
 * @property {object} [meta] its own word.
 * @property {boolean} [mod] it moderates the room.
 */

/**
 * What stands about a room.
 *
 * @typedef {object} About
 * @property {boolean} [locked] nobody joins.
 * @property {boolean} [password] there is one.
 * @property {number} [maxMembers]
 * @property {boolean} [knock] who meets the lock, or lacks the password, may knock.
 * @property {"close" | "transfer" | "stay"} [onOwnerGone]
 * @property {object} [meta] the room's own.
 */

/**
 * Connects to a Parley server and keeps the connection. It returns at once; requests made before the
 * connection stands are sent when it does.
 *
 * @param {string} [url] where the server is: `ws:`, `wss:`, `http:`, `https:`, or relative to the
 *   page. Without a path it is `/ws` there. Default: `/ws` on the host that the page came from.
 * @param {Options} [options]
 * @returns {Parley}
 */
export function connect(url = "/ws", options = {}) {
  return new Parley(url, options);
}
