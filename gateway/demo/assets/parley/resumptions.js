/**
 * The rooms that this client is in, or may be in, by an earlier connection of its session. Until one is resumed, what is
 * asked about it waits.
 *
 * @module parley/resumptions
 */

/** @import { Room } from "./room.js" */

/**
 * @typedef {object} Resumption
 * @property {Room | null} room null where the app has no room of that name: the answer to a request
 *   was lost, the app has left the room meanwhile, or the page before this one was in it.
 * @property {boolean} fresh nothing is left of the peer connections that there were.
 * @property {{ fresh: boolean } | null} asked what was asked of the present connection.
 */

const firstDelay = 250;
const mostDelay = 5000;

export class Resumptions {
  #byName = new Map();

  /** @returns {Resumption | undefined} */
  get(name) {
    return this.#byName.get(name);
  }

  has(name) {
    return this.#byName.has(name);
  }

  /** The names that there are now. */
  names() {
    return [...this.#byName.keys()];
  }

  add(name, { room = null, fresh = false } = {}) {
    if (!this.#byName.has(name)) this.#byName.set(name, { room, fresh, asked: null, tries: 0 });
  }

  take(name) {
    const resumption = this.#byName.get(name);
    clearTimeout(resumption?.timer);
    this.#byName.delete(name);
    return resumption;
  }

  /** What is sent to resume a room. */
  frame(name) {
    const resumption = this.#byName.get(name);
    const { room, fresh } = resumption;
    clearTimeout(resumption.timer);
    resumption.asked = { fresh };
    const reached = fresh || !room ? { seq: 0, heard: {} } : { seq: room.seq, heard: room.heard() };
    return { event: "resume", room: name, ...reached, ...(fresh && { fresh }) };
  }

  /** Calls `again` after a while that grows: the room service cannot be reached just now. */
  putOff(resumption, again) {
    const delay = Math.min(mostDelay, firstDelay * 2 ** resumption.tries++) * (0.5 + Math.random() / 2);
    resumption.timer = setTimeout(again, delay);
  }

  /** The connection is gone, and with it what was asked of it. */
  pause() {
    for (const resumption of this.#byName.values()) {
      clearTimeout(resumption.timer);
      Object.assign(resumption, { asked: null, tries: 0 });
    }
  }
}
