/**
 * The rooms that `Parley.enter` keeps the app in until it leaves them.
 *
 * @module parley/stays
 */
import { retryDelay, steadyAfter } from "./link.js";

/** @import { Options } from "../parley.js" */
/** @import { Room } from "./room.js" */

/**
 * @typedef {object} Stay
 * @property {Room} room the same object, whatever happens to it.
 * @property {object} options with which the room is created, should it not be there.
 * @property {number} since when this client came into it last.
 * @property {number} tries to come back, since it was last in it for long.
 */

export class Stays {
  #byName = new Map();
  #options;
  #owner;

  /**
   * @param {Options} options
   * @param {object} owner
   * @param {(stay: Stay) => Promise<any>} owner.enter enters a room again.
   * @param {() => boolean} owner.open whether there is a connection.
   * @param {(room: Room, code: string) => void} owner.refused a room cannot be entered again.
   */
  constructor(options, owner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** @returns {Stay | undefined} */
  get(name) {
    return this.#byName.get(name);
  }

  /** The rooms that are kept now. @returns {Stay[]} */
  all() {
    return [...this.#byName.values()];
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

  /** Tries nothing any more until there is a connection. */
  pause() {
    for (const stay of this.#byName.values()) clearTimeout(stay.timer);
  }

  /** Comes back to a room in which so many others were. */
  comeBackAmong(stay, others) {
    // Everybody is put out at once. Not all should create the room: the more they are, the longer they spread.
    const spread = Math.random() * Math.min(2000, 200 + 20 * others);
    this.comeBack(stay, spread + (stay.tries ? retryDelay(0, stay.tries, this.#options) : 0));
  }

  /** Enters a kept room again after a delay, and again until it is in, or may not be. */
  comeBack(stay, delay = 0) {
    clearTimeout(stay.timer);
    const { room } = stay;
    stay.timer = setTimeout(async () => {
      try {
        await this.#owner.enter(stay);
      } catch (error) {
        // Left meanwhile, or in again by another request; or the connection is lost, and the next one tries.
        if (this.get(room.name) !== stay || room.state !== "away" || !this.#owner.open()) return;
        const crossed = ["room-exists", "room-not-exists"].includes(error.code);
        if (error.temporary || crossed) this.comeBack(stay, retryDelay(0, ++stay.tries, this.#options));
        else this.#owner.refused(room, error.code);
      }
    }, delay);
  }
}
