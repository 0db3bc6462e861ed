/**
 * The rooms that `Parley.enter` keeps the app in until it leaves them.
 *
 * @module parley/stays
 */
import { retryDelay, steadyAfter } from "./link.js";

/**
 * @typedef {object} Stay
 * @property {import("./room.js").Room} room the same object, whatever happens to it.
 * @property {object} options with which the room is created, should it not be there.
 * @property {number} since when this client came into it last.
 * @property {number} tries to come back, since it was last in it for long.
 */

export class Stays {
  #byName = new Map();
  #options;

  constructor(options) {
    this.#options = options;
  }

  /** @returns {Stay | undefined} */
  get(name) {
    return this.#byName.get(name);
  }

  keep(room, options = {}) {
    const stay = this.#byName.get(room.name);
    if (stay?.room !== room) this.#byName.set(room.name, { room, options, since: Date.now(), tries: 0 });
    else stay.options = { ...stay.options, ...options };
  }

  /** Keeps a room no longer, and returns it if it was kept. */
  release(name) {
    const stay = this.#byName.get(name);
    clearTimeout(stay?.timer);
    this.#byName.delete(name);
    return stay?.room;
  }

  /** This client is in the room again. */
  arrived(stay) {
    clearTimeout(stay.timer);
    stay.since = Date.now();
  }

  /** This client was put out of the room. */
  putOut(stay) {
    stay.tries = Date.now() - stay.since >= steadyAfter ? 0 : stay.tries + 1;
  }

  /** How long to wait before coming back to a room in which so many others were. */
  delay(stay, others) {
    // Everybody is put out at once. Not all should create the room: the more they are, the longer they spread.
    const spread = Math.random() * Math.min(2000, 200 + 20 * others);
    return spread + (stay.tries ? retryDelay(0, stay.tries, this.#options) : 0);
  }

  /** How long to wait after an attempt that failed. */
  nextDelay(stay) {
    return retryDelay(0, ++stay.tries, this.#options);
  }

  /** Tries nothing any more until there is a connection. */
  pause() {
    for (const stay of this.#byName.values()) clearTimeout(stay.timer);
  }

  [Symbol.iterator]() {
    return [...this.#byName.values()][Symbol.iterator]();
  }
}
