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
 * - {@link Parley}: the connection. Requests are promises; it comes back by itself when it is lost.
 * - {@link Room}: a room that this client is in: its members, and signals to and from them.
 * - {@link Mesh}: a peer connection to every member of a room.
 * - {@link Peer}: one RTCPeerConnection and its negotiation, which either side may start.
 *
 * The server's side of all this is PROTOCOL.md, sections 1, 2 and 4.
 *
 * @module parley
 */

/**
 * @typedef {object} Options
 * @property {RTCConfiguration} [rtc] what peer connections are made with. Without ICE servers, which
 *   is the default, browsers on one machine or one local network find each other; across the internet
 *   give at least a STUN server: `{ iceServers: [{ urls: "stun:stun.example.org" }] }`.
 * @property {boolean} [reconnect=true] connect again after the connection is lost.
 * @property {number} [firstDelay=500] milliseconds before the first new attempt; it doubles with each.
 * @property {number} [mostDelay=15000] the longest wait between attempts, in milliseconds.
 * @property {number} [openTimeout=10000] milliseconds that an attempt may take.
 * @property {number} [requestTimeout=15000] milliseconds until a request is given up. The server gives
 *   up after 10 s and says so; this is for when the server says nothing.
 * @property {number} [pingInterval=20000] milliseconds of silence after which a ping is sent.
 * @property {number} [pingTimeout=10000] milliseconds that the server then has to say something.
 * @property {typeof WebSocket} [WebSocket] another implementation, as for tests.
 * @property {typeof RTCPeerConnection} [RTCPeerConnection] likewise.
 */

const defaults = {
  reconnect: true,
  firstDelay: 500,
  mostDelay: 15000,
  openTimeout: 10000,
  requestTimeout: 15000,
  pingInterval: 20000,
  pingTimeout: 10000,
};

const subprotocol = "parley.v1";

/**
 * How long a connection must have lasted before the next loss counts as the first again; and so with a
 * stay in a room.
 */
const steadyAfter = 5000;

/** How many signals a room keeps for a listener that is still to come. */
const earlySignals = 512;

/**
 * Connects to a Parley server and keeps the connection. It returns at once; requests made before the
 * connection stands are sent when it does.
 *
 * @param {string} [url] where the server is: `ws:`, `wss:`, `http:`, `https:`, or relative to the
 *   page. Default: `/ws` on the host that the page came from.
 * @param {Options} [options]
 * @returns {Parley}
 */
export function connect(url = "/ws", options = {}) {
  return new Parley(url, options);
}

/** What went wrong with a request, with a `code` to act on and a `message` to show. */
export class ParleyError extends Error {
  /**
   * @param {string} code one of the server's codes (`bad-request`, `too-large`, `too-many-rooms`,
   *   `room-full`, `rate-limited`, `unavailable`, `internal`), an answer that is not the one hoped for
   *   (`room-exists`, `room-not-exists`, `not-in-room`, `target-not-found`), or one of this
   *   library's own: `disconnected`, `timeout`, `closed`.
   * @param {string} message a sentence for people.
   * @param {object} [frame] the server's frame, if there was one.
   */
  constructor(code, message, frame = {}) {
    super(message);
    this.name = "ParleyError";
    this.code = code;
    this.room = frame.room;
    this.targetId = frame.targetId;
  }

  /** True when the same request may well succeed if it is made again a little later. */
  get temporary() {
    return ["unavailable", "rate-limited", "disconnected", "timeout"].includes(this.code);
  }
}

/** An EventTarget whose events carry one value, in `event.detail`. */
class Emitter extends EventTarget {
  /**
   * Calls `listener` with the value of each event of this type.
   *
   * @param {string} type
   * @param {(detail: any) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void} stops it.
   */
  on(type, listener, options) {
    const handler = (event) => listener(event.detail);
    this.addEventListener(type, handler, options);
    return () => this.removeEventListener(type, handler, options);
  }

  /**
   * @param {string} type
   * @param {any} [detail]
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * A connection to a Parley server.
 *
 * A client that loses its connection has left its rooms: the server says so to the others, and the
 * next connection has another id. So each {@link Room} that was created or joined ends (`end`, with
 * `"lost"`). One that was entered stays: it is `away` for a while and comes back by itself.
 *
 * Events, and what listeners given to `on` receive:
 *
 * - `open` `{ id, again }`: connected; `again` says that it was not the first time.
 * - `away` `{ code, reason, message, delay, attempt, rooms }`: the connection was lost or could not
 *   be made. `message` says why in words; the next attempt is in `delay` milliseconds. `rooms` are the
 *   names of the rooms that were lost with it.
 * - `connecting` `{ attempt }`: an attempt begins.
 * - `close` `{ code, reason, message }`: over for good: `close` was called, or `reconnect` is false.
 * - `error` {@link ParleyError}: an error that answers no request of ours.
 */
export class Parley extends Emitter {
  /** This client's id while connected, else null. @type {string | null} */
  id = null;

  /** @type {"connecting" | "open" | "waiting" | "closed"} */
  state = "connecting";

  /** The rooms that this client is in, by name. @type {Map<string, Room>} */
  rooms = new Map();

  /**
   * What the server allows: `frame` bytes of a request, `rooms` at once, `rate` requests a second and
   * `burst` at once. What is missing is not limited, or not known before it is connected.
   *
   * @type {{ frame?: number, rooms?: number, rate?: number, burst?: number }}
   */
  limits = {};

  #url;
  #socket = null;
  #nextRef = 1;
  #pending = new Map(); // ref → { request, resolve, reject, timer }
  #attempt = 0;
  #kept = new Map(); // by name, the rooms that `enter` keeps: { room, since, tries, timer }
  #unasked = new Set(); // the names of rooms that are to be left unless they are created by a request under way
  #opened = 0; // how many times a connection stood
  #openedAt = 0;
  #heard = 0; // how many frames have come
  #retryTimer;
  #openTimer;
  #pingTimer;

  /**
   * @param {string} url
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    this.options = { ...defaults, ...options };
    this.#url = socketURL(url);
    globalThis.addEventListener?.("online", this.#online);
    // One turn later, so that listeners attached right after connect() miss nothing.
    queueMicrotask(() => this.#dial());
  }

  /**
   * Creates a room and becomes its owner. When the owner leaves or loses its connection, the room is
   * closed.
   *
   * @param {string} name 1 to 128 bytes of UTF-8 without control characters.
   * @returns {Promise<Room>} rejects with `room-exists` when there is one of that name.
   */
  create(name) {
    return this.#request({ event: "room-create", room: name });
  }

  /**
   * Joins a room. Joining one that this client is in already gives the same {@link Room}.
   *
   * @param {string} name
   * @returns {Promise<Room>} rejects with `room-not-exists` when there is none of that name.
   */
  join(name) {
    return this.#request({ event: "room-join", room: name });
  }

  /**
   * Joins a room, or creates it when there is none, and stays until the app leaves it: whatever puts this
   * client out of the room, or ends the connection, it comes back by itself and the {@link Room} is the
   * same. Meanwhile its `state` is `away`. Entering a room that this client is in already keeps that one.
   *
   * @param {string} name
   * @returns {Promise<Room>} rejects when the room cannot be entered now. Once it was, only the room's
   *   `end` says that it cannot be any more.
   */
  async enter(name) {
    const room = this.rooms.get(name);
    if (!room || this.#asks("room-leave", name)) return this.#enter(name, { keep: true });
    this.#keep(room);
    return room;
  }

  /** Between a refusal and the next request another client may create the room, or close it. */
  async #enter(name, notes) {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#request({ event: tries % 2 === 0 ? "room-join" : "room-create", room: name }, notes);
      } catch (error) {
        const crossed = ["room-exists", "room-not-exists"].includes(error.code);
        if (tries >= 5 || !crossed || !this.#wanted(name, notes)) throw error;
      }
    }
  }

  /**
   * Leaves a room; as its owner, closes it. Leaving one that this client is not in is no error.
   *
   * @param {string} name
   * @returns {Promise<void>}
   */
  leave(name) {
    const room = this.#release(name);
    if (room?.state !== "away") return this.#request({ event: "room-leave", room: name });
    room.finish("left");
    return Promise.resolve();
  }

  /**
   * Sends a signal to another member. Not kept for a later connection: a signal that cannot be sent
   * now rejects with `disconnected`, one beyond the server's limit of a frame with `too-large`.
   *
   * @param {string} room
   * @param {string} targetId
   * @param {object} data `{ description }` or `{ candidate }`.
   * @returns {Promise<void>} fulfilled once it stands in the queue of the target's connection.
   */
  signal(room, targetId, data) {
    return this.#request({ event: "signal-send", room, targetId, data });
  }

  /** Tries to connect now, when it was waiting for the next attempt. */
  retry() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#retryTimer);
    this.#dial();
  }

  /** Ends the connection for good, and with it the membership of every room. */
  close() {
    if (this.state === "closed") return;
    const socket = this.#detach();
    this.#shut(1000, "");
    socket?.close(1000);
  }

  /**
   * Sees at once whether the connection still stands, or tries now to have one: for when the network may be another
   * than before. It is called by itself when the browser is online again and when a path between members breaks.
   */
  probe() {
    if (this.state === "open") this.#ping();
    else this.retry();
  }

  #online = () => this.probe();

  #dial() {
    if (this.state === "closed") return;
    this.state = "connecting";
    this.#attempt++;
    this.emit("connecting", { attempt: this.#attempt });
    if (this.state !== "connecting" || this.#socket) return; // a listener closed it

    const Socket = this.options.WebSocket ?? globalThis.WebSocket;
    const socket = new Socket(this.#url, subprotocol);
    this.#socket = socket;
    // Events of a socket that was given up say nothing any more.
    const current = (handle) => (event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.onmessage = current((event) => this.#receive(event.data));
    socket.onclose = current((event) => this.#lost(event.code, event.reason));
    this.#openTimer = setTimeout(() => this.#drop("no answer"), this.options.openTimeout);
  }

  /** Gives the socket up without waiting for its closing handshake, which a dead network never ends. */
  #drop(reason) {
    const socket = this.#detach();
    this.#lost(1006, reason);
    socket?.close(1000);
  }

  #detach() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#openTimer);
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#retryTimer);
    return socket;
  }

  #lost(code, reason) {
    this.#detach();
    const rooms = [...this.rooms.keys()];
    const stood = this.state === "open";
    if (!this.options.reconnect) {
      this.#shut(code, reason);
      return;
    }
    // A server that accepts and closes at once is no better than one that does not accept.
    if (stood && Date.now() - this.#openedAt >= steadyAfter) this.#attempt = 0;
    const delay = retryDelay(code, this.#attempt, this.options);
    this.state = "waiting";
    this.#retryTimer = setTimeout(() => this.#dial(), delay);
    this.#end("lost", (request) => stood || request.sent);
    if (this.state !== "waiting") return; // a room's listener closed the connection, or tried again at once
    this.emit("away", { code, reason, message: closeMessage(code, reason), delay, attempt: this.#attempt, rooms });
  }

  #shut(code, reason) {
    this.state = "closed";
    globalThis.removeEventListener?.("online", this.#online);
    this.#end(code === 1000 ? "left" : "lost", () => true);
    this.emit("close", { code, reason, message: closeMessage(code, reason) });
  }

  /** Rejects the requests that `which` picks and ends every room. */
  #end(how, which) {
    this.id = null;
    this.#unasked.clear();
    const code = this.state === "closed" ? "closed" : "disconnected";
    const message = code === "closed" ? "The connection was closed." : "The connection to the server was lost.";
    for (const [ref, request] of [...this.#pending]) {
      if (which(request)) this.#settle(ref)?.reject(new ParleyError(code, message, request.frame));
    }
    for (const stay of this.#kept.values()) clearTimeout(stay.timer);
    for (const room of [...this.rooms.values()]) this.#out(room, how, how === "lost" ? "lost" : undefined);
    if (code !== "closed") return;
    for (const { room } of [...this.#kept.values()]) this.#forget(room, how);
  }

  /** Ends a room for good. */
  #forget(room, how, reason) {
    if (this.rooms.get(room.name) === room) this.rooms.delete(room.name);
    if (this.#kept.get(room.name)?.room === room) this.#release(room.name);
    room.finish(how, reason);
  }

  /** A room that this client did not leave and is in no longer: one that is kept comes back. */
  #out(room, how, reason) {
    const stay = this.#kept.get(room.name);
    // "closed" is said when the owner has ended the room for all: that is meant.
    if (stay?.room !== room || this.state === "closed" || reason === "closed") {
      this.#forget(room, how, reason);
      return;
    }
    this.rooms.delete(room.name);
    stay.tries = Date.now() - stay.since >= steadyAfter ? 0 : stay.tries + 1;
    const others = room.members.length;
    room.away(reason);
    if (this.#kept.get(room.name) !== stay || this.state !== "open") return; // a listener left it; or with the next connection
    // Everybody is put out at once. Not all should create the room: the more they are, the longer they spread.
    const spread = Math.random() * Math.min(2000, 200 + 20 * others);
    this.#comeBack(stay, spread + (stay.tries ? retryDelay(0, stay.tries, this.options) : 0));
  }

  /** Enters a kept room again after a delay, and again until it is in, or may not be. */
  #comeBack(stay, delay) {
    clearTimeout(stay.timer);
    const { room } = stay;
    stay.timer = setTimeout(async () => {
      try {
        await this.#enter(room.name, { keep: true, stay });
      } catch (error) {
        // Left meanwhile, or in again by another request; or the connection is lost, and the next one tries.
        if (this.#kept.get(room.name) !== stay || room.state !== "away" || this.state !== "open") return;
        const crossed = ["room-exists", "room-not-exists"].includes(error.code);
        if (error.temporary || crossed) this.#comeBack(stay, retryDelay(0, ++stay.tries, this.options));
        else this.#forget(room, "closed", error.code);
      }
    }, delay);
  }

  #keep(room) {
    if (this.#kept.get(room.name)?.room !== room) this.#kept.set(room.name, { room, since: Date.now(), tries: 0 });
  }

  /** Keeps a room no longer, and returns it if it was kept. */
  #release(name) {
    const stay = this.#kept.get(name);
    clearTimeout(stay?.timer);
    this.#kept.delete(name);
    return stay?.room;
  }

  /** True while a request of one of these kinds is under way for a room. */
  #asks(event, name) {
    return [...this.#pending.values()].some(({ frame }) => frame.room === name && (!event || frame.event === event));
  }

  /** notes: `keep` the room that the answer brings; for the sake of a `stay`, which may have ended meanwhile. */
  #request(frame, notes = {}) {
    return new Promise((resolve, reject) => {
      if (this.state === "closed") {
        reject(new ParleyError("closed", "The connection was closed.", frame));
        return;
      }
      if (frame.event === "signal-send" && this.state !== "open") {
        reject(new ParleyError("disconnected", "There is no connection to the server.", frame));
        return;
      }
      const ref = String(this.#nextRef++);
      const timer = setTimeout(() => {
        this.#settle(ref).reject(new ParleyError("timeout", "The server did not answer in time.", frame));
      }, this.options.requestTimeout);
      const request = { ...notes, frame: { ...frame, ref }, resolve, reject, timer, sent: false };
      this.#pending.set(ref, request);
      if (this.state === "open") this.#send(request);
    });
  }

  #send(request) {
    const text = JSON.stringify(request.frame);
    if (isLarger(text, this.limits.frame)) {
      const message = `That is more than the ${this.limits.frame} bytes that the server takes at once.`;
      this.#settle(request.frame.ref)?.reject(new ParleyError("too-large", message, request.frame));
      return;
    }
    request.sent = true;
    this.#socket.send(text);
  }

  /** Takes a request out of the pending ones; undefined when it is not among them (any more). */
  #settle(ref) {
    const request = this.#pending.get(ref);
    if (request) {
      clearTimeout(request.timer);
      this.#pending.delete(ref);
    }
    return request;
  }

  #receive(text) {
    this.#heard++;
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
        room?.left(frame);
        break;
      case "signal-receive":
        room?.received(frame);
        break;
      default:
        this.#answered(frame, room);
    }
  }

  #connected(frame) {
    clearTimeout(this.#openTimer);
    this.state = "open";
    this.id = frame.id;
    this.limits = frame.limits ?? {};
    this.#openedAt = Date.now();
    this.#watch();
    for (const request of [...this.#pending.values()]) {
      if (!request.sent) this.#send(request);
    }
    for (const stay of this.#kept.values()) {
      if (stay.room.state === "away") this.#comeBack(stay, 0);
    }
    this.emit("open", { id: frame.id, again: this.#opened++ > 0 });
  }

  /** Sends a ping after an interval of silence, and gives the connection up when that goes unheard. */
  #watch() {
    const before = this.#heard;
    this.#pingTimer = setTimeout(() => {
      if (this.#heard !== before) this.#watch();
      else this.#ping();
    }, this.options.pingInterval);
  }

  #ping() {
    clearTimeout(this.#pingTimer);
    const before = this.#heard;
    this.#socket.send('{"event":"ping"}');
    this.#pingTimer = setTimeout(() => {
      if (this.#heard !== before) this.#watch();
      else this.#drop("it fell silent");
    }, this.options.pingTimeout);
  }

  #answered(frame, room) {
    const request = this.#settle(frame.ref);
    switch (frame.event) {
      case "room-created":
      case "room-joined":
        if (room || (request && this.#wanted(frame.room, request))) request?.resolve(this.#admit(frame, room, request));
        else {
          this.#leaveUnasked(frame.room);
          request?.reject(new ParleyError("not-in-room", "The room was left meanwhile.", frame));
        }
        break;
      case "room-left":
        if (room && frame.kicked) this.#out(room, "closed", frame.reason ?? "removed");
        else if (room) this.#forget(room, "left");
        request?.resolve();
        break;
      case "not-in-room":
        if (request?.frame.event === "room-leave") {
          if (room) this.#forget(room, "left");
          request.resolve();
        } else request?.reject(new ParleyError("not-in-room", "You are not in that room.", frame));
        break;
      case "signal-sent":
        request?.resolve();
        break;
      case "room-exists":
        if (!room && this.#unasked.has(frame.room)) this.#leaveUnasked(frame.room);
        request?.reject(new ParleyError("room-exists", "There is a room of that name already.", frame));
        break;
      case "room-not-exists":
        request?.reject(new ParleyError("room-not-exists", "There is no room of that name.", frame));
        break;
      case "target-not-found":
        request?.reject(new ParleyError("target-not-found", "That member has left the room.", frame));
        break;
      case "error": {
        const error = new ParleyError(frame.code, frame.message, frame);
        if (request) request.reject(error);
        else this.emit("error", error);
        break;
      }
      // Anything else is an event of a later version of the protocol.
    }
  }

  /** False when a request was made to come back to a room that the app has left since. */
  #wanted(name, { stay }) {
    return !stay || this.#kept.get(name) === stay;
  }

  #admit(frame, room, { keep }) {
    const stay = this.#kept.get(frame.room);
    this.#unasked.delete(frame.room);
    if (room) room.level(frame);
    else if (stay) {
      room = stay.room;
      clearTimeout(stay.timer);
      stay.since = Date.now();
      this.rooms.set(room.name, room);
      room.back(frame);
    } else {
      room = new Room(this, frame);
      this.rooms.set(room.name, room);
    }
    if (keep && !room.ended) this.#keep(room);
    return room;
  }

  /** Leaves a room whose answer came after the request was given up, unless it is wanted again. */
  #leaveUnasked(name) {
    this.#unasked.delete(name);
    if (this.#asks("room-join", name) || this.#asks("room-leave", name)) return;
    // Created it may be yet, should it have been closed meanwhile. Else the answer says that it is there: with us in it.
    if (this.#asks("room-create", name)) this.#unasked.add(name);
    else this.#socket.send(JSON.stringify({ event: "room-leave", room: name }));
  }
}

/**
 * A room that this client is in. Made by {@link Parley}.
 *
 * Events:
 *
 * - `join` `{ id }`: another client joined.
 * - `leave` `{ id }`: another member left, was removed, or lost its connection.
 * - `signal` `{ senderId, data }`. Signals that come before there is a listener are kept for it.
 * - `end` `{ how, reason }`: this client is in the room no longer: it `left`, the room was `closed` (its
 *   owner left, or the system removed this client), or the connection was `lost`. Nothing comes after it.
 *   `reason` is the server's: `owner-left`, `owner-lost`, `removed`; or the code of the error because of
 *   which a room that was entered could not be entered again.
 * - `away` `{ reason }` and `back` `{}`, of a room that was entered: this client was put out, or the
 *   connection was `lost`, and it comes back by itself. The members leave before `away`, and those that are
 *   there then join before `back`. Between the two it may have been another room of that name.
 */
export class Room extends Emitter {
  /** How it ended; null while it lasts. @type {null | "left" | "closed" | "lost"} */
  ended = null;

  /** Whether this client is in it just now. @type {"live" | "away" | "ended"} */
  state = "live";

  #parley;
  #early = []; // signals, until somebody listens; null from then on
  #elders;

  /**
   * @param {Parley} parley
   * @param {object} frame a `room-created` or `room-joined`.
   */
  constructor(parley, frame) {
    super();
    this.#parley = parley;
    /** @type {string} */
    this.name = frame.room;
    this.#begin(frame);
    /** The other members, in the order in which they joined. @type {string[]} */
    this.members = [...(frame.clients ?? [])];
  }

  #begin(frame) {
    /** The id that this client has in the room. @type {string} */
    this.selfId = this.#parley.id;
    /** @type {string} */
    this.ownerId = frame.ownerId ?? this.selfId;
    /** The number of the last change heard of. @type {number} */
    this.seq = frame.seq ?? 0;
    this.#elders = new Set(frame.clients ?? []);
  }

  /** True when this client is the owner. */
  get owned() {
    return this.ownerId === this.selfId;
  }

  /** True for a member that was here before this client. @param {string} id */
  elder(id) {
    return this.#elders.has(id);
  }

  /**
   * Sends a signal to another member; see {@link Parley#signal}.
   *
   * @param {string} targetId
   * @param {object} data
   */
  signal(targetId, data) {
    if (this.state !== "live") return Promise.reject(new ParleyError("not-in-room", "You are not in that room.", { room: this.name }));
    return this.#parley.signal(this.name, targetId, data);
  }

  /** Leaves; as the owner, closes the room. @returns {Promise<void>} */
  leave() {
    return this.ended ? Promise.resolve() : this.#parley.leave(this.name);
  }

  /**
   * Keeps a peer connection to every member.
   *
   * @param {(peer: Peer) => void} onPeer called for each member that is here and each that joins, before
   *   anything is negotiated: the place to add tracks and channels.
   * @param {RTCConfiguration} [rtc] default: the connection's option `rtc`.
   * @returns {Mesh}
   */
  mesh(onPeer, rtc = this.#parley.options.rtc) {
    const broken = () => this.#parley.probe();
    return new Mesh(this, onPeer, { rtc, broken, RTCPeerConnection: this.#parley.options.RTCPeerConnection });
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
  joined({ id, seq }) {
    this.seq = Math.max(this.seq, seq ?? 0);
    if (id === this.selfId || this.members.includes(id)) return;
    this.members.push(id);
    this.emit("join", { id });
  }

  /** @private */
  left({ id, seq }) {
    this.seq = Math.max(this.seq, seq ?? 0);
    const at = this.members.indexOf(id);
    if (at < 0) return;
    this.members.splice(at, 1);
    this.#elders.delete(id);
    this.#early = this.#early?.filter((signal) => signal.senderId !== id) ?? null;
    this.emit("leave", { id });
  }

  /** @private */
  received({ senderId, data }) {
    if (!this.#early) {
      this.emit("signal", { senderId, data });
      return;
    }
    this.#early.push({ senderId, data });
    if (this.#early.length > earlySignals) this.#early.shift();
  }

  /** Takes the members as a repeated `room-joined` lists them. @private */
  level({ ownerId, clients, seq }) {
    const now = new Set(clients ?? []);
    for (const id of [...this.members]) {
      if (!now.has(id)) this.left({ id, seq });
    }
    for (const id of now) this.joined({ id, seq });
    this.ownerId = ownerId ?? this.ownerId;
  }

  /** This client is not in it, and comes back: its members are gone for now. @private */
  away(reason) {
    this.state = "away";
    this.#early &&= [];
    for (const id of [...this.members]) {
      if (!this.ended) this.left({ id });
    }
    if (!this.ended) this.emit("away", { reason });
  }

  /** This client is in it again. @private */
  back(frame) {
    this.state = "live";
    this.#begin(frame);
    for (const id of frame.clients ?? []) {
      if (!this.ended) this.joined({ id });
    }
    if (!this.ended) this.emit("back", {});
  }

  /** @private */
  finish(how, reason) {
    if (this.ended) return;
    this.ended = how;
    this.state = "ended";
    this.emit("end", { how, reason });
  }
}

/**
 * Peer connections to all members of a room. They close as members leave, and all of them when the
 * room ends.
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
   * @param {{ rtc?: RTCConfiguration, broken?: () => void, RTCPeerConnection?: typeof RTCPeerConnection }} [options]
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
      room.on("end", () => this.close()),
      room.on("signal", ({ senderId, data }) => this.peers.get(senderId)?.receive(data)),
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
}

/**
 * One peer connection and its "perfect negotiation": either side may start, at any time, both at once
 * too. When two offers cross, the side with the smaller id takes its own back (it is the polite one).
 * Add tracks and channels to `pc` whenever you like; the rest happens by itself, ICE restarts included.
 *
 * Events:
 *
 * - `state` {RTCPeerConnectionState}: `new`, `connecting`, `connected`, `disconnected`, `failed`, `closed`.
 * - `track` {RTCTrackEvent} and `channel` {RTCDataChannel}: from the other side.
 * - `error` {Error}: a signal could not be sent or made no sense. The connection may come about all the same.
 * - `close`: by `close`.
 *
 * @see https://www.w3.org/TR/webrtc/#perfect-negotiation-example
 */
export class Peer extends Emitter {
  #send;
  #makingOffer = false;
  #ignoringOffer = false;
  #answerPending = false;
  #earlyCandidates = [];
  #heard = ""; // the description that was taken last
  #work = Promise.resolve();
  #made = 0; // how many descriptions we have made
  #described = Promise.resolve(); // until the last of them is delivered
  #candidates = Promise.resolve(); // until the candidates after it are
  #patient = false; // the other side is to start
  #postponed = false; // we had something to negotiate meanwhile
  #patienceTimer;
  #restartTimer;
  #restarts = 0;
  #closed = false;

  /**
   * @param {object} options
   * @param {string} options.id the other member's id.
   * @param {string} options.selfId our own.
   * @param {(data: object) => Promise<void>} options.send sends a signal to the other member.
   * @param {RTCConfiguration} [options.rtc]
   * @param {number} [options.patience=0] milliseconds to let the other side start.
   * @param {typeof RTCPeerConnection} [options.RTCPeerConnection]
   */
  constructor({ id, selfId, send, rtc, patience = 0, RTCPeerConnection = globalThis.RTCPeerConnection }) {
    super();
    /** The other member's id. */
    this.id = id;
    /** True for the side that gives way when two offers cross. */
    this.polite = selfId < id;
    this.#send = send;
    /** The connection itself. @type {RTCPeerConnection} */
    this.pc = new RTCPeerConnection(rtc);
    this.pc.onnegotiationneeded = () => this.#negotiate();
    // The end of candidates is an empty object on the wire.
    this.pc.onicecandidate = ({ candidate }) => this.#tell({ candidate: candidate ?? {} });
    this.pc.onconnectionstatechange = () => this.#stateChanged();
    this.pc.ontrack = (event) => this.emit("track", event);
    this.pc.ondatachannel = ({ channel }) => this.emit("channel", channel);
    if (patience > 0) {
      this.#patient = true;
      this.#patienceTimer = setTimeout(() => this.#losePatience(), patience);
    }
  }

  /** The connection's state. @type {RTCPeerConnectionState} */
  get state() {
    return this.#closed ? "closed" : this.pc.connectionState;
  }

  /**
   * Takes a signal that came from the other side. Signals are worked through in order.
   *
   * @param {{ description?: RTCSessionDescriptionInit, candidate?: RTCIceCandidateInit }} data
   * @returns {Promise<void>} fulfilled when it has been dealt with, well or badly.
   */
  receive(data) {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        if (data?.description) await this.#describe(data.description);
        else await this.#addCandidate(data?.candidate);
      } catch (error) {
        if (!this.#closed) this.emit("error", error);
      }
    });
    return this.#work;
  }

  /** Looks for a new path between the two, as after a change of network. */
  restart() {
    if (!this.#closed) this.pc.restartIce();
  }

  /** Closes the connection. The other side learns of it by the room, not from here. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patienceTimer);
    clearTimeout(this.#restartTimer);
    this.pc.close();
    this.emit("state", "closed");
    this.emit("close");
  }

  #losePatience() {
    this.#patient = false;
    if (this.#postponed) this.#negotiate();
  }

  async #negotiate() {
    this.#postponed = this.#patient;
    if (this.#patient || this.#closed) return;
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      this.#tell({ description: this.pc.localDescription });
    } catch (error) {
      if (!this.#closed) this.emit("error", error);
    } finally {
      this.#makingOffer = false;
    }
  }

  async #describe(description) {
    const heard = description.type + description.sdp;
    if (heard === this.#heard) return; // it had come, though its sender was told that it might not
    clearTimeout(this.#patienceTimer);
    this.#patient = false; // what was postponed goes with the answer, or the browser asks again
    const offer = description.type === "offer";
    const ready = !this.#makingOffer && (this.pc.signalingState === "stable" || this.#answerPending);
    this.#ignoringOffer = offer && !ready && !this.polite;
    if (this.#ignoringOffer) return;

    this.#answerPending = description.type === "answer";
    try {
      await this.pc.setRemoteDescription(description); // takes our own offer back where two crossed
    } finally {
      this.#answerPending = false;
    }
    this.#heard = heard;
    const early = this.#earlyCandidates.splice(0);
    if (offer) {
      await this.pc.setLocalDescription();
      this.#tell({ description: this.pc.localDescription });
    }
    for (const candidate of early) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate) {
    if (!this.pc.remoteDescription) {
      if (!this.#ignoringOffer) this.#earlyCandidates.push(candidate);
      return;
    }
    try {
      if (candidate?.candidate) await this.pc.addIceCandidate(candidate);
      else await this.pc.addIceCandidate(); // there are no more
    } catch (error) {
      if (!this.#ignoringOffer) throw error; // else it belongs to the offer that was ignored
    }
  }

  /**
   * Sends a signal once those before it are delivered that it depends on. Perfect negotiation needs what
   * it says to arrive, in order: an offer that overtakes our answer is ignored by who waits for that.
   */
  #tell(data) {
    if (data.description) {
      const made = ++this.#made;
      const offer = data.description.type === "offer";
      // An offer that was answered or taken back before it could be sent must not be made any more.
      const stale = () => offer && (made !== this.#made || this.pc.signalingState !== "have-local-offer");
      this.#described = Promise.all([this.#described, this.#candidates]).then(() => this.#deliver(data, stale));
      this.#candidates = Promise.resolve();
    } else {
      const sent = this.#described.then(() => this.#deliver(data));
      this.#candidates = Promise.all([this.#candidates, sent]);
    }
  }

  /** Sends a signal, again after a while for as long as the server cannot pass it on. It never rejects. */
  async #deliver(data, stale = () => false) {
    for (let tries = 1; !this.#closed && !stale(); tries++) {
      try {
        await this.#send(data);
        return;
      } catch (error) {
        if (this.#closed) return;
        if (!["unavailable", "rate-limited", "timeout"].includes(error.code)) {
          this.emit("error", error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(tries, 5) * 1000 * (0.5 + Math.random())));
      }
    }
  }

  #stateChanged() {
    if (this.#closed) return;
    const state = this.pc.connectionState;
    clearTimeout(this.#restartTimer);
    if (state === "connected") this.#restarts = 0;
    // A path that broke may come back by itself; one that failed does not. One side begins, so that
    // two restarts seldom cross; the other steps in when that one does not.
    if (state === "disconnected" || (state === "failed" && this.#restarts < 5)) {
      const wait = (state === "disconnected" ? 4000 : 1000 * this.#restarts) + (this.polite ? 2000 : 0);
      this.#restartTimer = setTimeout(() => {
        this.#restarts++;
        this.restart();
      }, wait);
    }
    this.emit("state", state);
  }
}

/**
 * What a WebSocket's closing code means, as a sentence for people.
 *
 * @param {number} code
 * @param {string} [reason] the server's own words, if it gave any.
 */
export function closeMessage(code, reason = "") {
  const said = reason ? ` (${reason})` : "";
  switch (code) {
    case 1000:
      return "The connection was closed.";
    case 1001:
      return "The server is going away for a moment.";
    case 1007:
    case 1009:
      return `The server could not read what this page sent${said}.`;
    case 1008:
      return reason === "too slow"
        ? "This connection is too slow for what the room sends."
        : `The server closed the connection${said}.`;
    case 1011:
      return `Something went wrong in the server${said}.`;
    case 1013:
      return "The server is overloaded.";
    default:
      return `The server cannot be reached${said}.`;
  }
}

/** True when a text has more bytes than that, in UTF-8: at most three for each of its code units. */
function isLarger(text, bytes = Infinity) {
  return text.length > bytes || (text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes);
}

/** How long to wait before the next attempt. Jittered, so that a server's clients do not return as one. */
function retryDelay(code, attempt, { firstDelay, mostDelay }) {
  const jitter = 0.5 + Math.random() / 2;
  // A server that drains says so in good order: there is another, or it is back at once.
  if (code === 1001 && attempt === 0) return firstDelay * jitter;
  // An overloaded server is not helped by haste.
  const first = code === 1013 ? Math.max(firstDelay, mostDelay / 3) : firstDelay;
  return Math.min(mostDelay, first * 2 ** Math.max(0, Math.min(attempt - 1, 20))) * jitter;
}

function socketURL(url) {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  absolute.hash = "";
  return absolute.href;
}
