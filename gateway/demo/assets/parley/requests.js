/**
 * The requests that have no answer yet.
 *
 * @module parley/requests
 */

/** The requests that make a client a member. */
const entering = ["room-create", "room-join", "room-enter"];

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
 * @property {boolean} [keep] the room that the answer brings is kept: see `Parley.enter`.
 * @property {object} [options] of its creation.
 * @property {object} [stay] it is made to come back to a room: see {@link Stays}.
 */

export class Requests {
  #pending = new Map(); // by ref
  #next = 1;

  /** @returns {Request} */
  add(request) {
    request.ref = String(this.#next++);
    Object.assign(request, { sent: false, doubt: false });
    this.#pending.set(request.ref, request);
    return request;
  }

  /** Takes a request out; undefined when it is not among them (any more). @returns {Request | undefined} */
  take(ref) {
    const request = this.#pending.get(ref);
    clearTimeout(request?.timer);
    this.#pending.delete(ref);
    return request;
  }

  /** @returns {Request | undefined} */
  get(ref) {
    return this.#pending.get(ref);
  }

  /** Takes out and rejects those that `which` picks. */
  reject(which, error) {
    for (const request of this) {
      if (which(request)) this.take(request.ref)?.reject(error(request.frame));
    }
  }

  /** Those that there are now, oldest first: what comes or goes meanwhile changes nothing. */
  [Symbol.iterator]() {
    return [...this.#pending.values()][Symbol.iterator]();
  }

  /** True while a request of this kind is under way for a room. */
  asks(event, name) {
    return [...this].some(({ frame }) => frame.room === name && frame.event === event);
  }

  /** The first request that changes whether this client is in a room. @returns {Request | undefined} */
  firstOf(name) {
    return [...this].find((r) => r.frame.room === name && (isEntering(r) || ["room-leave", "room-close"].includes(r.frame.event)));
  }
}

export function isEntering({ frame }) {
  return entering.includes(frame.event);
}

export function isSignal({ frame }) {
  return frame.event === "signal-send";
}
