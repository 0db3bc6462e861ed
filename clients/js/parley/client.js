/**
 * The connection to a server, and the rooms that this client is in.
 *
 * @module parley/client
 */
import { Emitter } from "./emitter.js";
import { creation, entry } from "./enter.js";
import { closeMessage, disconnectedCode, movedCode, ParleyError, refusal, unauthorizedCode } from "./errors.js";
import { Ice } from "./ice.js";
import { Knocks } from "./knocks.js";
import { Link } from "./link.js";
import { Memberships } from "./memberships.js";
import { Requests } from "./requests.js";
import { Resumptions } from "./resumptions.js";
import { addressWithoutSession, Session } from "./session.js";
import { Store } from "./store.js";

/** @import { Creation, Entry, Options } from "../parley.js" */
/** @import { Room } from "./room.js" */

const defaults = {
  keep: 30,
  persist: false,
  reconnect: true,
  firstDelay: 500,
  mostDelay: 15000,
  openTimeout: 10000,
  requestTimeout: 15000,
  pingInterval: 20000,
  pingTimeout: 10000,
};

const mostKeep = 300;

/**
 * A connection to a Parley server.
 *
 * A client has a session, which outlives its connection by `keep` seconds. Who loses its connection is `away` for the
 * others, and so are its rooms for it. It comes back by itself, under the same id, and to the same rooms: each
 * {@link Room} stays the same, and what is asked of it meanwhile waits.
 *
 * A room ends (`end`) when that fails: the client was away for too long, or the server knows no sessions (it is older, or
 * keeps nobody). A room that was entered does not end even then; it is entered again.
 *
 * Events, and what listeners given to `on` receive:
 *
 * - `open` `{ id, again }`: connected; `again` says that it was not the first time.
 * - `away` `{ code, reason, message, delay, attempt, rooms }`: the connection was lost or could not
 *   be made. `message` says why in words; the next attempt is in `delay` milliseconds. `rooms` are the
 *   names of the rooms that were lost with it; rooms to which the session comes back are not among them.
 * - `connecting` `{ attempt }`: an attempt begins.
 * - `moved` `{ code, reason, message }`: the session goes on in another page that has its key. This one is closed; it does
 *   not take the session back by itself. `close` follows.
 * - `close` `{ code, reason, message }`: over for good: `close` was called, the session has moved, or `reconnect` is false.
 * - `error` {@link ParleyError}: an error that answers no request of ours.
 */
export class Parley extends Emitter {
  /** This client's id, which it has as long as its session; null while it has none. @type {string | null} */
  id = null;

  /** The rooms that this client is in, by name. @type {Map<string, Room>} */
  rooms;

  /**
   * What the server allows: `frame` bytes of a request, `rooms` at once, `rate` requests a second and
   * `burst` at once. What is missing is not limited, or not known before it is connected.
   *
   * @type {{ frame?: number, rooms?: number, rate?: number, burst?: number }}
   */
  limits = {};

  /**
   * With the option `persist`: the names of the rooms that the page was in before it was loaded anew. `enter` and `join`
   * come back to them. A room that the app wants no more it should `leave`.
   *
   * @type {Promise<string[]>}
   */
  restored;

  #url;
  #link;
  #session = null; // null with keep 0
  #store = null; // null without persist
  #kept; // seconds that the server keeps this session; undefined while it knows none
  #inTime = true; // the present connection stood before that was over
  #requests;
  #memberships;
  #resumptions;
  #before = new Set(); // the rooms of the page before, as long as nobody has asked for them
  #opened = 0; // how many times a connection stood
  #knocks = new Knocks();
  #ice = new Ice(() => this.#request({ event: "ice" }));
  #token; // the present one

  /**
   * @param {string} url
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    this.options = { ...defaults, ...options };
    const { keep } = this.options;
    if (!Number.isInteger(keep) || keep < 0 || keep > mostKeep) throw new RangeError(`keep is 0 to ${mostKeep} seconds`);
    if (!(this.options.WebSocket ?? globalThis.WebSocket)) {
      throw new TypeError("There is no WebSocket here (Node has one from version 22 on): install the package ws, and pass it as in connect(url, { WebSocket })");
    }
    this.#url = socketURL(url);
    this.#requests = new Requests({
      timeout: this.options.requestTimeout,
      send: (text) => this.#link.send(text),
      mayGo: ({ event, room }) => this.state === "open" && (event === "resume" || !this.#resumptions.has(room)),
      number: () => this.#number(),
      largest: () => this.limits.frame,
    });
    this.#memberships = new Memberships(this, this.#requests, {
      ask: (frame, notes) => this.#request(frame, notes),
      tell: (frame) => this.#link.send(JSON.stringify(frame)),
      known: () => this.#kept !== undefined,
      changed: () => this.#save(),
    });
    this.rooms = this.#memberships.rooms;
    this.#resumptions = new Resumptions(this.#memberships, this.#requests, {
      ask: (frame) => this.#request(frame),
      open: () => this.state === "open",
      id: () => this.id,
      inTime: () => this.#inTime,
    });
    this.#link = new Link(this.options, {
      prepare: () => this.#prepare(),
      isFinal: (code) => code === disconnectedCode || (code === unauthorizedCode && typeof this.options.token !== "function"),
      address: () => this.#address(),
      connecting: (attempt) => this.emit("connecting", { attempt }),
      frame: (text) => this.#receive(text),
      isKept: () => this.#isKept,
      lost: (loss) => this.#lost(loss),
      ended: (code, reason) => this.#shut(code, reason),
    });
    globalThis.addEventListener?.("pagehide", this.#hidden);
    globalThis.addEventListener?.("online", this.#online);
    this.restored = this.#begin();
  }

  /** @type {"connecting" | "open" | "waiting" | "closed"} */
  get state() {
    return this.#link.state;
  }

  /**
   * Creates a room and becomes its owner.
   *
   * @param {string} name 1 to 128 bytes of UTF-8 without control characters.
   * @param {Creation} [options]
   * @returns {Promise<Room>} rejects with `room-exists` when there is one of that name.
   */
  create(name, options) {
    return this.#request({ event: "room-create", room: name, ...creation(options), ...entry({ meta: options?.meta }) });
  }

  /**
   * Joins a room. Joining one that this client is in already gives the same {@link Room}.
   *
   * @param {string} name
   * @param {Entry} [options]
   * @returns {Promise<Room>} rejects with `room-not-exists` when there is none of that name, with `locked` or `bad-password` where
   *   it is not open (see {@link Parley#knock}), and with `banned` or `forbidden`.
   */
  join(name, options) {
    return this.#request({ event: "room-join", room: name, ...entry(options) });
  }

  /**
   * Knocks at a room that is locked, or whose password one lacks. Its owner and moderators hear it (`knock`).
   *
   * @param {string} name
   * @param {Entry} [options]
   * @returns {Promise<void>} fulfilled once this client may join, which it then should within a minute. Rejects with `refused` when
   *   it was not let in, and as `join` does where it may not knock.
   */
  async knock(name, options) {
    const frame = await this.#request({ event: "room-knock", room: name, ...entry(options) });
    if (frame.event !== "knock-admitted") await this.#knocks.wait(name);
  }

  /**
   * Joins a room, or creates it when there is none, and stays until the app leaves it: whatever puts this
   * client out of the room, or ends the connection, it comes back by itself and the {@link Room} is the
   * same. Meanwhile its `state` is `away`. Entering a room that this client is in already keeps that one.
   *
   * @param {string} name
   * @param {Creation & Entry} [options] for when it is created, now or when it is come back to.
   * @returns {Promise<Room>} rejects when the room cannot be entered now. Once it was, only the room's
   *   `end` says that it cannot be any more.
   */
  async enter(name, options = {}) {
    const room = this.rooms.get(name);
    if (!room || this.#requests.asks(name, "room-leave")) return this.#memberships.enter(name, { keep: true, options });
    this.#memberships.stays.keep(room, options);
    this.#save();
    return room;
  }

  /**
   * Leaves a room; its owner's leaving may close it (see `onOwnerGone`). Leaving one that this client is not in is no error.
   *
   * @param {string} name
   * @returns {Promise<void>} fulfilled at once where the room is away: it is left as soon as the server can be told.
   */
  leave(name) {
    const kept = this.#memberships.stays.release(name);
    const room = this.rooms.get(name) ?? kept;
    if (room?.state !== "away") return this.#request({ event: "room-leave", room: name });
    this.#resumptions.left(name);
    this.#memberships.forget(room, "left");
    return Promise.resolve();
  }

  /**
   * Ends a room for all. Only its owner and moderators may.
   *
   * @param {string} name
   * @returns {Promise<void>} rejects with `forbidden` for another member.
   */
  closeRoom(name) {
    return this.#request({ event: "room-close", room: name });
  }

  /**
   * Makes a request of an owner's, a moderator's or a member's that {@link Room} has a method for, also about a room in which this
   * client is not.
   *
   * @param {string} event such as `room-kick`.
   * @param {string} room
   * @param {object} [fields] the others of the request.
   * @returns {Promise<object>} the server's answer.
   */
  moderate(event, room, fields) {
    return this.#request({ event, room, ...fields });
  }

  /**
   * Sends a signal to another member. While the target is away, or this client is, it is kept and stays pending. It is
   * sent again after a loss of the connection until its end is known, and arrives once. Without a session a signal that
   * cannot be sent now rejects with `disconnected`. One beyond the server's limit of a frame rejects with `too-large`.
   *
   * @param {string} room
   * @param {string} targetId
   * @param {object} data `{ description }` or `{ candidate }`.
   * @returns {Promise<void>} fulfilled once it stands in the queue of the target's connection. Rejects with
   *   `target-not-found` when the target has left, or came back as a page that was loaded anew.
   */
  signal(room, targetId, data) {
    return this.#request({ event: "signal-send", room, targetId, data });
  }

  /**
   * The STUN and TURN servers that the server has for its clients, with credentials of which more than half the time is left. A mesh asks
   * by itself, unless it is given servers. Only who is in a room is told those that need credentials.
   *
   * @returns {Promise<RTCIceServer[]>}
   */
  iceServers() {
    return this.#ice.servers();
  }

  /** Tries to connect now, when it was waiting for the next attempt. */
  retry() {
    this.#link.retry();
  }

  /**
   * Ends the connection and the session for good, and with it the membership of every room. (While there is no connection
   * nobody can be told: then the others wait until `keep` is over.)
   */
  close() {
    if (this.state === "closed") return;
    this.#link.close(() => this.#shut(1000, ""));
  }

  /**
   * Sees at once whether the connection still stands, or tries now to have one: for when the network may be another
   * than before. It is called by itself when the browser is online again and when a path between members breaks.
   */
  probe() {
    this.#link.probe();
  }

  #online = () => this.probe();

  /** The page goes. With `persist` the browser says that, by closing with 1001, and the next page comes back. */
  #hidden = () => {
    if (this.#store) return;
    this.#kept = undefined; // the server is told to keep nothing; should the page come back, it begins anew
    this.#link.leave();
  };

  // --- The connection ---

  async #begin() {
    const { keep, persist } = this.options;
    let rooms = [];
    if (keep > 0 && persist) {
      this.#store = new Store(this.#url);
      const left = await this.#store.open();
      this.#session = new Session(left);
      ({ rooms } = left);
      this.#before = new Set(rooms);
    } else {
      if (keep > 0) this.#session = new Session();
      await null; // so that listeners attached right after connect() miss nothing
    }
    this.#link.dial();
    return rooms;
  }

  /** Has a token ready for the next connection, where the app has one. */
  #prepare() {
    const { token } = this.options;
    if (typeof token !== "function") {
      this.#token = token;
      return undefined;
    }
    return Promise.resolve(token()).then((text) => {
      this.#token = text;
    });
  }

  #address() {
    if (!this.#session) return addressWithoutSession(this.#url, this.#token);
    this.#session.begin();
    this.#save();
    return this.#session.address(this.#url, this.options.keep, this.#token);
  }

  /** The token is about to expire: brings another, where the app has one. */
  async #renew() {
    if (typeof this.options.token !== "function") return;
    try {
      await this.#request({ event: "token", token: await this.options.token() }); // the next connection asks for one of its own
    } catch (error) {
      this.emit("error", error instanceof ParleyError ? error : new ParleyError("unauthorized", String(error?.message ?? error)));
    }
  }

  /** Leaves to the page that may follow what it needs to go on. */
  #save() {
    if (!this.#store || this.state === "closed") return;
    const rooms = [...new Set([...this.#memberships.names(), ...this.#before])];
    this.#store.write({ key: this.#session.key, turn: this.#session.turn, rooms });
  }

  /** While there is no connection: whether the server still keeps what this client had. */
  get #isKept() {
    return this.#kept !== undefined && this.#link.lostFor < this.#kept * 1000;
  }

  #connected(frame) {
    this.#inTime = this.#isKept;
    this.#link.opened();
    this.id = frame.id;
    this.limits = frame.limits ?? {};
    this.#ice.connected(frame.iceServers);
    this.#kept = this.#session ? frame.keep : undefined;
    if (this.#kept === undefined) {
      this.#before.clear();
      this.#resumptions.giveUp();
    } else this.#resumptions.resumeAll();
    this.#requests.flush();
    this.#memberships.comeBack();
    this.emit("open", { id: frame.id, again: this.#opened++ > 0 });
  }

  #lost({ code, reason, delay, attempt, stood }) {
    this.#knocks.end("disconnected");
    const resumable = this.#kept > 0;
    const rooms = resumable ? [] : [...this.rooms.keys()];
    if (resumable) this.#resumptions.suspend();
    else this.#end("lost", (request) => stood || request.sent);
    if (this.state !== "waiting") return; // a room's listener closed the connection, or tried again at once
    const never = this.#opened === 0 && code === 1006;
    const older = stood && this.#session && this.#kept === undefined;
    const ask = never ? ` Is ${addressShown(this.#url)} a Parley server, and does it allow this page?` : "";
    const message = closeMessage(code, reason) + ask + (older ? " This server is older than version 0.2 and keeps no sessions, so the rooms were lost with it: update the server." : "");
    this.emit("away", { code, reason, message, delay, attempt, rooms });
  }

  #shut(code, reason) {
    globalThis.removeEventListener?.("online", this.#online);
    globalThis.removeEventListener?.("pagehide", this.#hidden);
    this.#store?.clear();
    this.#knocks.end("closed");
    this.#end({ 1000: "left", [movedCode]: "moved" }[code] ?? "lost", () => true);
    const end = { code, reason, message: closeMessage(code, reason) };
    if (code === movedCode) this.emit("moved", end);
    this.emit("close", end);
  }

  /** The session is over, or there is none: rejects the requests that `which` picks and ends every room. */
  #end(how, which) {
    this.id = null;
    this.#resumptions.clear();
    this.#requests.reject(which, this.state === "closed" ? "closed" : "disconnected");
    this.#memberships.allOut(how);
  }

  // --- Requests ---

  /** notes: `keep` the room that the answer brings; for the sake of a `stay`, which may have ended meanwhile. */
  async #request(frame, notes) {
    const signal = frame.event === "signal-send";
    if (this.state === "closed") throw refusal("closed", frame);
    if (signal && this.state !== "open" && !this.#resumptions.has(frame.room)) throw refusal("disconnected", frame);
    if (!signal && this.#before.delete(frame.room)) this.#resumptions.resumeFresh(frame.room);
    return this.#requests.make(frame, notes);
  }

  /** The session is in a room of which this page knows nothing: that is resumed, and the request made again. Once. */
  #resumeFirst(ref) {
    const request = this.#requests.get(ref);
    if (!request || request.again || this.#kept === undefined) return false;
    Object.assign(request, { sent: false, again: true });
    this.#resumptions.resumeFresh(request.frame.room);
    return true;
  }

  /** The number of a signal that is sent now; undefined without a session, 0 when the next turn has to begin first. */
  #number() {
    if (this.#kept === undefined) return undefined;
    const n = this.#session.number();
    if (!n) this.#link.drop("the numbers of this connection are used up");
    return n;
  }

  // --- What the server says ---

  #receive(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // no server of ours
    }
    const room = this.rooms.get(frame.room);
    switch (frame.event) {
      case "connected":
        this.#connected(frame);
        break;
      case "pong":
        break;
      case "client-joined":
        room?.joined(frame);
        break;
      case "client-left":
        if (this.#kept !== undefined) this.#memberships.dropSignals(frame.room, (id) => id === frame.id);
        room?.left(frame);
        break;
      case "client-away":
        room?.memberAway(frame);
        break;
      case "client-back":
        if (frame.fresh) this.#memberships.dropSignals(frame.room, (id) => id === frame.id);
        room?.memberBack(frame);
        break;
      case "signal-receive":
        room?.received(frame);
        break;
      case "live":
        room?.live(frame);
        break;
      case "resumed":
        this.#requests.take(frame.ref);
        this.#resumptions.resumed(frame);
        break;
      case "room-updated":
        room?.updated(frame);
        this.#requests.take(frame.ref)?.resolve(frame);
        break;
      case "member-updated":
        room?.memberUpdated(frame);
        this.#requests.take(frame.ref)?.resolve(frame);
        break;
      case "client-knocked":
        room?.knocked(frame);
        break;
      case "knock-admitted":
      case "knock-refused":
        if (frame.ref === undefined) this.#knocks.decided(frame);
        else this.#requests.take(frame.ref)?.resolve(frame);
        break;
      case "token-expiring":
        void this.#renew();
        break;
      case "signal-held":
        // The server keeps it for its target, and says once more what becomes of it. Until then we keep it, too.
        this.#requests.waitForEver(frame.ref);
        break;
      case "error":
        if (frame.code !== "resume-first" || !this.#resumeFirst(frame.ref)) this.#answered(frame, room);
        break;
      default:
        this.#answered(frame, room);
    }
  }

  #answered(frame, room) {
    const request = this.#requests.take(frame.ref);
    switch (frame.event) {
      case "room-created":
      case "room-joined":
        if (room || (request && this.#memberships.wanted(frame.room, request))) {
          const admitted = this.#memberships.admit(frame, request);
          request?.resolve(admitted);
        } else {
          this.#memberships.leaveUnasked(frame.room);
          request?.reject(refusal("not-in-room", frame, "The room was left meanwhile."));
        }
        break;
      case "room-left":
        if (room && frame.kicked) this.#memberships.out(room, "closed", frame.reason ?? "removed", frame.message);
        else if (room) this.#memberships.forget(room, "left");
        request?.resolve();
        break;
      case "not-in-room":
        this.#notInRoom(frame, room ?? this.#memberships.stays.get(frame.room)?.room, request);
        break;
      case "signal-sent":
        request?.resolve();
        break;
      case "client-kicked":
      case "client-banned":
      case "client-unbanned":
      case "client-admitted":
      case "client-refused":
      case "room-roster":
      case "knock-pending":
      case "token-accepted":
      case "ice":
        request?.resolve(frame);
        break;
      case "room-exists":
        this.#memberships.leaveIfUnasked(frame.room);
        request?.reject(refusal("room-exists", frame));
        break;
      case "room-not-exists":
        this.#knocks.decided(frame);
        request?.reject(refusal(frame.event, frame));
        break;
      case "target-not-found":
        request?.reject(refusal(frame.event, frame));
        break;
      case "error":
        this.#refused(new ParleyError(frame.code, frame.message, frame), request);
        break;
      // Anything else is an event of a later version of the protocol.
    }
  }

  #notInRoom(frame, room, request) {
    switch (request?.frame.event) {
      case "resume":
        this.#resumptions.tooLate(frame.room, frame.reason);
        break;
      case "room-leave":
      case "room-close":
        if (room) this.#memberships.forget(room, "left");
        request.resolve();
        break;
      default:
        request?.reject(refusal("not-in-room", frame));
    }
  }

  #refused(error, request) {
    if (!request && this.#knocks.failed(error)) {
      // who knocked has been told
    } else if (!request) {
      this.emit("error", error);
    } else if (error.code === "too-old" && request.doubt) {
      request.resolve(); // it had arrived before the connection was lost, and much after it
    } else {
      request.reject(error);
    }
  }
}

/** An address without what is nobody's business. */
function addressShown(url) {
  return url.replace(/[?].*/, "");
}

function socketURL(url) {
  const page = globalThis.location;
  let absolute;
  try {
    absolute = new URL(url, page?.href);
  } catch {
    const relative = page ? "" : ", whole: there is no page here that it could be relative to";
    throw new TypeError(`"${url}" is no address of a server: give one such as wss://example.org/ws${relative}`);
  }
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  absolute.hash = "";
  if (absolute.pathname === "/") absolute.pathname = "/ws"; // the gateway's address alone
  if (!["ws:", "wss:"].includes(absolute.protocol)) {
    throw new TypeError(`"${url}" is no address of a server: it begins with ws:, wss:, http: or https:`);
  }
  if (page?.protocol === "https:" && absolute.protocol === "ws:" && !/^(localhost|127\.|\[::1\])/.test(absolute.hostname)) {
    throw new TypeError(`A page that came over https reaches no "${absolute.protocol}" address: give ${absolute.href.replace("ws:", "wss:")}, and the server a certificate`);
  }
  return absolute.href;
}
