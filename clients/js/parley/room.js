/**
 * A room that this client is in.
 *
 * @module parley/room
 */
import { Emitter } from "./emitter.js";
import { refusal } from "./errors.js";
import { Mesh } from "./mesh.js";

/** @import { Parley } from "./client.js" */
/** @import { Peer } from "./peer.js" */
/** @import { About, Info } from "../parley.js" */

/**
 * For how many turns of promises a new room keeps its events. The promise of `enter` needs some of them until the app has the room,
 * and listens. A browser runs them before it hands out the next message; Node's WebSocket and the package ws may hand out several at once.
 */
const turns = 50;

/** How many signals a room keeps for a listener that is still to come. */
const earlySignals = 512;

/**
 * A room that this client is in. Made by {@link Parley}.
 *
 * Events:
 *
 * - `join` `{ id }`: another client joined.
 * - `leave` `{ id }`: another member left, was removed, or was away for too long.
 * - `member-away` `{ id }`: another member has lost its connection, and may come back. It is a hint, and may be missing.
 * - `member-back` `{ id, fresh }`: it is back. `fresh`: as a page that was loaded anew, so nothing is left of the peer
 *   connection with it.
 * - `owner` `{ ownerId }`: the room has another owner, or none (`""`).
 * - `update` `{ about, by }`: something else stands about the room ({@link About}); `by`: who has changed it.
 * - `member-update` `{ id, info }`: a member says something else of itself ({@link Info}).
 * - `knock` `{ id, user, claims, meta }` and `knock-end` `{ id }`, to the owner and moderators: somebody wants to come in
 *   ({@link Room#admit}), or does not any more.
 * - `signal` `{ senderId, data }`. Signals that come before there is a listener are kept for it.
 * - `away` `{ reason }` and `back` `{}`: this client's own stay was interrupted, and goes on. After a `lost` connection
 *   whose session stands the members are still there, and `back` comes after the events of what has changed. Else, in a
 *   room that was entered, this client was put out: the members leave before `away`, and those that are there then join
 *   before `back`. Between the two it may have been another room of that name. The first may turn into the second: then
 *   there are two `away`, and one `back`.
 * - `live` `{ lost }`: after `back`, when all has come that was kept for this client. `lost`: the ids of members from whom
 *   signals may be missing.
 * - `end` `{ how, reason }`: this client is in the room no longer: it `left`, the room was `closed` (its
 *   owner left or ended it, or the system removed this client), the connection was `lost`, or the session `moved` to another
 *   page. Nothing comes after it. `reason` is the server's: `owner-left`, `owner-lost`, `closed`, `removed`, `kicked`, `banned`,
 *   `forbidden`; or the code of the error because of which a room that was entered could not be entered again. `message`: a word of
 *   who removed this client.
 */
export class Room extends Emitter {
  /** How it ended; null while it lasts. @type {null | "left" | "closed" | "lost" | "moved"} */
  ended = null;

  /** Whether this client is in it just now. @type {"live" | "away" | "ended"} */
  state = "live";

  /** False from the loss of the connection until all has come that was kept for this client (`live`). */
  caughtUp = true;

  /** What stands about the room. @type {About} */
  about = {};

  /** Who knocks, by id, as far as this client is told: owner and moderators are. @type {Map<string, Info>} */
  knocking = new Map();

  #held = []; // events, until the app has the room; null from then on
  #infos = new Map(); // by id, what others see of a member
  #parley;
  #early = []; // signals, until somebody listens; null from then on
  #elders;
  #absent = new Set(); // ids of members that are away
  #returns = new Map(); // by id, the number of the change by which a member joined or came back last
  #heard = new Map(); // by id, the number of the last signal

  /**
   * @param {Parley} parley
   * @param {object} frame a `room-created`, `room-joined` or `resumed`.
   */
  constructor(parley, frame) {
    super();
    this.#parley = parley;
    /** @type {string} */
    this.name = frame.room;
    this.#begin(frame);
    /** The other members, in the order in which they joined. @type {string[]} */
    this.members = [...(frame.clients ?? [])];
    this.#absent = new Set(frame.away);
    this.#handOut();
  }

  async #handOut() {
    for (let i = 0; i < turns; i++) await null;
    const held = this.#held;
    this.#held = null;
    for (const [type, detail] of held) super.emit(type, detail);
  }

  /** @private */
  emit(type, detail) {
    if (this.#held) this.#held.push([type, detail]);
    else super.emit(type, detail);
  }

  #begin(frame) {
    /** The id that this client has in the room. @type {string} */
    this.selfId = this.#parley.id;
    /** Empty when the room has no owner. @type {string} */
    this.ownerId = frame.ownerId ?? this.selfId;
    /** The number of the last change heard of. @type {number} */
    this.seq = frame.seq ?? 0;
    this.#elders = new Set(frame.clients ?? []);
    this.#describe(frame);
  }

  /** Takes what a frame says of the members and of the room. */
  #describe(frame) {
    this.#infos = new Map((frame.members ?? []).map(({ id, ...info }) => [id, info]));
    this.about = aboutOf(frame);
  }

  /** True when this client is the owner. */
  get owned() {
    return this.ownerId === this.selfId;
  }

  /**
   * True for a member that was here before this client, and is to begin: it hears of who comes. @param {string} id
   */
  elder(id) {
    return this.#elders.has(id);
  }

  /** Whether a member has a connection, as far as is known; null for who is no member. @param {string} id @returns {"live" | "away" | null} */
  stateOf(id) {
    if (!this.members.includes(id)) return null;
    return this.#absent.has(id) ? "away" : "live";
  }

  /**
   * Sends a signal to another member; see {@link Parley#signal}.
   *
   * @param {string} targetId
   * @param {object} data
   */
  signal(targetId, data) {
    // Away with members: the session comes back to them. Without: they are not those that will be there.
    const gone = this.state !== "live" && !(this.state === "away" && this.members.includes(targetId));
    if (gone) return Promise.reject(refusal("not-in-room", { room: this.name }));
    return this.#parley.signal(this.name, targetId, data);
  }

  /** What others see of a member: by its token, and in its own words. @param {string} id @returns {Info} */
  infoOf(id) {
    return this.#infos.get(id) ?? {};
  }

  /** Says something else of this client: a JSON object. @param {object} meta @returns {Promise<void>} */
  setMeta(meta) {
    return this.#moderate("member-update", { meta });
  }

  /**
   * Removes a member, which cannot come back for ten seconds. This and what follows is for the owner and moderators; others hear
   * `forbidden`.
   *
   * @param {string} id
   * @param {{ message?: string }} [options] a word to it.
   * @returns {Promise<void>}
   */
  kick(id, { message } = {}) {
    return this.#moderate("room-kick", { targetId: id, ...(message && { message }) });
  }

  /**
   * Keeps the user of a member out, with all clients that it has. It needs a server that asks for tokens.
   *
   * @param {string | { sub: string }} whom a member's id, or a user's sub.
   * @param {{ seconds?: number, message?: string }} [options] an hour unless said otherwise, a day at most.
   * @returns {Promise<{ sub: string, seconds: number }>} `sub` lifts the ban: {@link Room#unban}.
   */
  async ban(whom, { seconds = 3600, message } = {}) {
    const target = typeof whom === "string" ? { targetId: whom } : { sub: whom.sub };
    const answer = await this.#parley.moderate("room-ban", this.name, { ...target, seconds, ...(message && { message }) });
    return { sub: answer.sub, seconds: answer.seconds };
  }

  /** Lets a user come again. @param {string} sub @returns {Promise<void>} */
  unban(sub) {
    return this.#moderate("room-unban", { sub });
  }

  /**
   * Changes what stands about the room; `null` takes away. `password` is the new one.
   *
   * @param {{ locked?: boolean | null, password?: string | null, maxMembers?: number | null, knock?: boolean | null,
   *   onOwnerGone?: string | null, meta?: object | null }} changes
   * @returns {Promise<void>}
   */
  update(changes) {
    return this.#moderate("room-update", changes);
  }

  /** Makes a member the owner, in the place of this client. @param {string} id @returns {Promise<void>} */
  transfer(id) {
    return this.#moderate("room-transfer", { targetId: id });
  }

  /**
   * Who is there with their subs, what stands about the room, who is banned and who knocks.
   *
   * @returns {Promise<{ members: object[], bans: { sub: string, seconds: number }[], knocks: object[] }>}
   */
  roster() {
    return this.#parley.moderate("room-roster", this.name);
  }

  /** Lets in who knocks. @param {string} id @returns {Promise<void>} */
  admit(id) {
    return this.#moderate("room-admit", { targetId: id });
  }

  /** Does not let in who knocks, for a minute. @param {string} id @returns {Promise<void>} */
  refuse(id) {
    return this.#moderate("room-refuse", { targetId: id });
  }

  async #moderate(event, fields) {
    await this.#parley.moderate(event, this.name, fields);
  }

  /** Leaves; see {@link Parley#leave}. @returns {Promise<void>} */
  leave() {
    return this.ended ? Promise.resolve() : this.#parley.leave(this.name);
  }

  /** Ends the room for all, as its owner; see {@link Parley#closeRoom}. @returns {Promise<void>} */
  close() {
    return this.ended ? Promise.resolve() : this.#parley.closeRoom(this.name);
  }

  /**
   * Keeps a peer connection to every member.
   *
   * @param {(peer: Peer) => void} onPeer called for each member that is here and each that joins, before
   *   anything is negotiated: the place to add tracks and channels. For a member that comes back as a page that was loaded
   *   anew it is called once more, after the `close` of the peer before.
   * @param {RTCConfiguration} [rtc] default: the connection's option `rtc`.
   * @returns {Mesh}
   */
  mesh(onPeer, rtc = this.#parley.options.rtc) {
    const broken = () => this.#parley.probe();
    const ice = rtc?.iceServers?.length ? undefined : () => this.#parley.iceServers();
    return new Mesh(this, onPeer, { rtc, ice, broken, RTCPeerConnection: this.#parley.options.RTCPeerConnection });
  }

  addEventListener(type, ...rest) {
    super.addEventListener(type, ...rest);
    if (type !== "signal" || !this.#early) return;
    const early = this.#early;
    this.#early = null;
    for (const signal of early) this.emit("signal", signal);
  }

  // What follows is for Parley: what the server told of this room.

  /** @private */
  joined({ id, seq, ownerId, ...frame }) {
    this.#reach(seq);
    if (id === this.selfId || this.members.includes(id)) return;
    this.members.push(id);
    if (seq) {
      this.#returns.set(id, seq);
      this.#infos.set(id, infoOf(frame));
    }
    this.emit("join", { id });
    if (ownerId !== undefined && !this.ended) this.#own(ownerId);
  }

  /** @private */
  updated({ by, ...frame }) {
    this.#reach(frame.seq);
    this.about = aboutOf(frame);
    this.emit("update", { about: this.about, by });
    if (!this.ended) this.#own(frame.ownerId);
  }

  /** @private */
  memberUpdated({ id, seq, ...frame }) {
    this.#reach(seq);
    if (id !== this.selfId && !this.members.includes(id)) return;
    this.#infos.set(id, infoOf(frame));
    this.emit("member-update", { id, info: this.infoOf(id) });
  }

  /** @private */
  knocked({ id, gone, ...frame }) {
    if (gone) {
      if (this.knocking.delete(id)) this.emit("knock-end", { id });
      return;
    }
    if (this.knocking.has(id)) return;
    this.knocking.set(id, infoOf(frame));
    this.emit("knock", { id, ...this.knocking.get(id) });
  }

  /** @private */
  left({ id, seq, ownerId }) {
    this.#reach(seq);
    const at = this.members.indexOf(id);
    if (at < 0) return;
    this.members.splice(at, 1);
    for (const known of [this.#elders, this.#absent, this.#returns, this.#heard, this.#infos]) known.delete(id);
    this.#dropEarly(id);
    this.emit("leave", { id });
    // Of an owner the server says who follows; where it does not, nobody does.
    if (ownerId !== undefined || id === this.ownerId) this.#own(ownerId ?? "");
  }

  /** @private */
  memberAway({ id, seq = 0 }) {
    const stale = seq < (this.#returns.get(id) ?? 0); // it has come back since
    if (stale || !this.members.includes(id) || this.#absent.has(id)) return;
    this.#absent.add(id);
    this.emit("member-away", { id });
  }

  /** @private */
  memberBack({ id, seq = 0, fresh = false, ...frame }) {
    this.#reach(seq);
    if (this.members.includes(id)) this.#infos.set(id, infoOf(frame));
    if (!this.members.includes(id) || seq <= (this.#returns.get(id) ?? 0)) return;
    this.#returns.set(id, seq);
    this.#absent.delete(id);
    if (fresh) this.#renew(id);
    this.emit("member-back", { id, fresh });
  }

  /** @private */
  received({ senderId, data, n }) {
    if (n !== undefined) {
      if (n <= (this.#heard.get(senderId) ?? 0)) return;
      this.#heard.set(senderId, n);
    }
    if (!this.#early) {
      this.emit("signal", { senderId, data });
      return;
    }
    this.#early.push({ senderId, data });
    if (this.#early.length > earlySignals) this.#early.shift();
  }

  /** Takes the members as a repeated `room-joined` lists them. @private */
  level({ ownerId, clients, away, seq, ...frame }) {
    const now = new Set(clients ?? []);
    this.#reach(seq);
    this.#describe(frame);
    for (const id of [...this.members]) {
      if (!now.has(id)) this.left({ id, ownerId: this.ownerId });
    }
    for (const id of now) this.joined({ id });
    for (const id of away ?? []) this.memberAway({ id, seq });
    this.#own(ownerId ?? this.ownerId);
  }

  /** By sender, the number of the last signal heard. @private */
  heard() {
    return Object.fromEntries(this.#heard);
  }

  /** The connection is lost, and the session comes back to this room. @private */
  suspend() {
    if (this.state !== "live") return;
    this.state = "away";
    this.caughtUp = false;
    this.emit("away", { reason: "lost" });
  }

  /** The session is back: takes the members as `resumed` lists them. @private */
  resumed({ ownerId, clients, away = [], fresh = [], seq, ...frame }) {
    const returned = this.state === "away";
    this.state = "live";
    this.#describe(frame);
    const news = this.#takeSnapshot({ clients, away, fresh, seq });
    for (const [type, detail] of news) {
      if (!this.ended) this.emit(type, detail);
    }
    if (!this.ended) this.#own(ownerId);
    if (!this.ended && returned) this.emit("back", {});
  }

  /** Returns the events of what has changed, for when all of it is taken note of. */
  #takeSnapshot({ clients, away, fresh, seq }) {
    const news = [];
    const before = this.members;
    this.#reach(seq);
    this.members = [...clients];
    for (const id of before.filter((member) => !clients.includes(member))) {
      for (const known of [this.#elders, this.#absent, this.#returns, this.#heard]) known.delete(id);
      this.#dropEarly(id);
      news.push(["leave", { id }]);
    }
    for (const id of clients) {
      const wasAway = this.#absent.delete(id);
      const isAway = away.includes(id);
      if (isAway) this.#absent.add(id);
      if (!before.includes(id)) {
        news.push(["join", { id }]);
      } else if (fresh.includes(id)) {
        this.#renew(id);
        news.push(["member-back", { id, fresh: true }]);
      } else if (wasAway && !isAway) {
        news.push(["member-back", { id, fresh: false }]);
      }
      if (isAway && !(wasAway && before.includes(id) && !fresh.includes(id))) news.push(["member-away", { id }]);
    }
    return news;
  }

  /** All has come that was kept; from the members in `lost` some may be missing. @private */
  live({ lost = {} }) {
    for (const [id, n] of Object.entries(lost)) {
      this.#heard.set(id, Math.max(n, this.#heard.get(id) ?? 0));
    }
    this.caughtUp = true;
    this.emit("live", { lost: Object.keys(lost).filter((id) => this.members.includes(id)) });
  }

  /** This client is not in it, and comes back: its members are gone for now. @private */
  away(reason) {
    this.state = "away";
    this.#early &&= [];
    for (const id of [...this.members]) {
      if (!this.ended) this.left({ id, ownerId: this.ownerId });
    }
    if (!this.ended) this.emit("away", { reason });
  }

  /** This client is in it again. @private */
  back(frame) {
    this.state = "live";
    this.caughtUp = true;
    this.#begin(frame);
    for (const id of frame.clients ?? []) {
      if (!this.ended) this.joined({ id });
    }
    for (const id of frame.away ?? []) {
      if (!this.ended) this.memberAway({ id });
    }
    if (!this.ended) this.emit("back", {});
  }

  /** @private */
  finish(how, reason, message) {
    if (this.ended) return;
    this.ended = how;
    this.state = "ended";
    this.emit("end", { how, reason, ...(message && { message }) });
  }

  #reach(seq) {
    this.seq = Math.max(this.seq, seq ?? 0);
  }

  #own(ownerId) {
    if (ownerId === this.ownerId) return;
    this.ownerId = ownerId;
    this.emit("owner", { ownerId });
  }

  /** A member that has been here begins as one who has just come. */
  #renew(id) {
    this.#elders.delete(id);
    this.#dropEarly(id);
  }

  #dropEarly(id) {
    this.#early = this.#early?.filter((signal) => signal.senderId !== id) ?? null;
  }
}

/** What a frame says of one member. */
function infoOf({ user, claims, meta, mod }) {
  return { ...(user && { user }), ...(claims && { claims }), ...(meta && { meta }), ...(mod && { mod }) };
}

/** What a frame says of the room itself. */
function aboutOf({ locked, password, maxMembers, knock, onOwnerGone, meta }) {
  return {
    ...(locked && { locked }), ...(password && { password }), ...(maxMembers && { maxMembers }), ...(knock && { knock }),
    ...(onOwnerGone && { onOwnerGone }), ...(meta && { meta }),
  };
}
