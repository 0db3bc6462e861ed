/**
 * The requests that have no answer yet: they wait until they may be sent, and then for their end.
 *
 * @module parley/requests
 */
import { refusal } from "./errors.js";

/** The requests that make a client a member. */
const entering = ["room-create", "room-join", "room-enter"];

/** The requests after which it is none. */
const leaving = ["room-leave", "room-close"];

/**
 * A request, from the moment that the app makes it until its end is known.
 *
 * @typedef {object} Request
 * @property {object} frame what is sent, but for `ref`.
 * @property {string} ref
 * @property {(value?: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {boolean} sent on the present connection.
 * @property {boolean} doubt it was sent on one before, and nobody knows what became of it.
 * @property {boolean} [again] it was made again because the room had to be resumed first.
 * @property {boolean} [keep] the room that the answer brings is kept: see `Parley.enter`.
 * @property {object} [options] of the room's creation.
 * @property {object} [stay] it is made to come back to a room: see `Stays`.
 */

export class Requests {
  #pending = new Map(); // by ref, in the order in which they were made
  #next = 1;
  #desk;

  /**
   * @param {object} desk
   * @param {number} desk.timeout milliseconds until a request is given up.
   * @param {(text: string) => void} desk.send
   * @param {(frame: object) => boolean} desk.mayGo whether a request can be sent just now.
   * @param {() => number | undefined} desk.number the number for a signal that is sent: undefined where signals have none,
   *   0 where it has to wait for the next turn.
   * @param {() => number | undefined} desk.largest bytes of a request.
   */
  constructor(desk) {
    this.#desk = desk;
  }

  /** Makes a request, and sends it when it may go. @returns {Promise<any>} */
  make(frame, notes = {}) {
    return new Promise((resolve, reject) => {
      const request = { ...notes, frame, resolve, reject, ref: String(this.#next++), sent: false, doubt: false };
      this.#pending.set(request.ref, request);
      if (!isSignal(request)) this.#limitTime(request); // a signal's time begins when it is sent
      this.#sendIfMayGo(request);
    });
  }

  /** Sends all that may go now, in order; of one room, if one is named. */
  flush(name) {
    for (const request of this) {
      if (name === undefined || request.frame.room === name) this.#sendIfMayGo(request);
    }
  }

  /** @returns {Request | undefined} */
  get(ref) {
    return this.#pending.get(ref);
  }

  /** Takes a request out; undefined when it is not among them (any more). @returns {Request | undefined} */
  take(ref) {
    const request = this.#pending.get(ref);
    clearTimeout(request?.timer);
    this.#pending.delete(ref);
    return request;
  }

  /** The server has promised an end, whenever that will be. */
  waitForEver(ref) {
    clearTimeout(this.#pending.get(ref)?.timer);
  }

  /** The connection is lost and the session stands: what was sent is sent again. Returns the requests of which there is doubt. */
  unsend() {
    const inDoubt = [];
    for (const request of this) {
      if (request.frame.event === "resume") this.take(request.ref); // each connection asks that anew
      else if (request.sent) inDoubt.push(Object.assign(request, { sent: false, doubt: true }));
      if (isSignal(request)) clearTimeout(request.timer); // it is kept for as long as the session stands
    }
    return inDoubt;
  }

  /**
   * Takes out and rejects those that `which` picks.
   *
   * @param {(request: Request) => boolean} which
   * @param {string} code
   */
  reject(which, code) {
    for (const request of this) {
      if (which(request)) this.take(request.ref)?.reject(refusal(code, request.frame));
    }
  }

  /** Those that there are now, oldest first: what comes or goes meanwhile changes nothing. */
  [Symbol.iterator]() {
    return [...this.#pending.values()][Symbol.iterator]();
  }

  /** True while one of these is under way for a room. */
  asks(name, ...events) {
    return [...this].some(({ frame }) => frame.room === name && events.includes(frame.event));
  }

  /** The first request that changes whether this client is in a room. @returns {Request | undefined} */
  firstOf(name) {
    return [...this].find(({ frame }) => frame.room === name && [...entering, ...leaving].includes(frame.event));
  }

  #limitTime(request) {
    clearTimeout(request.timer);
    request.timer = setTimeout(() => this.take(request.ref).reject(refusal("timeout", request.frame)), this.#desk.timeout);
  }

  #sendIfMayGo(request) {
    if (request.sent || !this.#desk.mayGo(request.frame)) return;
    if (isSignal(request)) {
      if (!this.#number(request)) return;
      this.#limitTime(request);
    }
    const text = JSON.stringify({ ...request.frame, ref: request.ref });
    const most = this.#desk.largest();
    if (isLarger(text, most)) {
      const message = `That is more than the ${most} bytes that the server takes at once.`;
      this.take(request.ref).reject(refusal("too-large", request.frame, message));
      return;
    }
    request.sent = true;
    this.#desk.send(text);
  }

  /** Numbers a signal when it is first sent. False when it has to wait. */
  #number(request) {
    if (request.frame.n) return true;
    const n = this.#desk.number();
    if (n) request.frame = { ...request.frame, n };
    return n !== 0;
  }
}

export function isEntering({ frame }) {
  return entering.includes(frame.event);
}

export function isSignal({ frame }) {
  return frame.event === "signal-send";
}

/** True when a text has more bytes than that, in UTF-8: at most three for each of its code units. */
function isLarger(text, bytes = Infinity) {
  return text.length > bytes || (text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes);
}
