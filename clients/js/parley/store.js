/**
 * What a page leaves in `sessionStorage` to the one that is loaded in its place: the session and its rooms.
 *
 * A tab that is duplicated gets a copy of it. So only one page at a time may have a session: see {@link claim}.
 *
 * @module parley/store
 */
import { randomText } from "./session.js";

/** How long a page waits for the one before it to let go. */
const patience = 1000;

/** How long another page has to say that the session is its own, where there are no locks. */
const answerWithin = 300;

/**
 * @typedef {object} Left
 * @property {string} claim a name for the right to the session, which tells nothing of its key.
 * @property {string} [key]
 * @property {number} [turn]
 * @property {string[]} rooms the names of the rooms that the page was in, or wanted to be in.
 */

export class Store {
  #name;
  #claim;

  /** @param {string} url the server's: each has a session of its own. */
  constructor(url) {
    this.#name = `parley:${url}`;
  }

  /** What the page before this one left, unless another page has it. @returns {Promise<Left>} */
  async open() {
    const left = this.#read();
    if (left && (await claim(left.claim))) {
      this.#claim = left.claim;
      return left;
    }
    this.#claim = `parley-session-${randomText(12)}`;
    await claim(this.#claim, { free: true });
    return { claim: this.#claim, rooms: [] };
  }

  /** @param {{ key: string, turn: number, rooms: string[] }} now */
  write(now) {
    try {
      sessionStorage.setItem(this.#name, JSON.stringify({ claim: this.#claim, ...now }));
    } catch {
      this.clear(); // nothing kept is better than a turn that was used
    }
  }

  /** Forgets the session: it is over, or goes on elsewhere. */
  clear() {
    try {
      sessionStorage.removeItem(this.#name);
    } catch {
      // A browser that keeps nothing for this page.
    }
  }

  #read() {
    try {
      const left = JSON.parse(sessionStorage.getItem(this.#name));
      const whole = typeof left.claim === "string" && typeof left.key === "string" && left.turn > 0 && Array.isArray(left.rooms);
      return whole ? left : null;
    } catch {
      return null;
    }
  }
}

/**
 * Takes a name for this page for as long as it lives. Two pages of one origin never have the same.
 *
 * Where the browser has no locks (it gives them only to pages over https or on localhost), the other pages are asked. That
 * is less sure: a page that sleeps does not answer. Then both have the session, and the server goes by the later one and
 * closes the other's connection with 4409.
 *
 * @param {string} name
 * @param {{ free?: boolean }} [options] `free`: it is a new name, which nobody has.
 * @returns {Promise<boolean>} false when another page has it.
 */
export function claim(name, { free = false } = {}) {
  const locks = globalThis.navigator?.locks;
  return locks ? lock(locks, name) : ask(name, free);
}

function lock(locks, name) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), patience);
    const held = () => {
      clearTimeout(timer);
      resolve(true);
      return new Promise(() => {}); // the browser lets go with the page
    };
    locks.request(name, { signal: waiting.signal }, held).catch(() => resolve(false));
  });
}

async function ask(name, free) {
  if (!globalThis.BroadcastChannel) return true;
  const channel = new BroadcastChannel(name);
  if (!free && (await answered(channel))) {
    channel.close();
    return false;
  }
  channel.onmessage = ({ data }) => data === "whose?" && channel.postMessage("mine");
  return true;
}

function answered(channel) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), answerWithin);
    channel.onmessage = ({ data }) => {
      if (data !== "mine") return;
      clearTimeout(timer);
      resolve(true);
    };
    channel.postMessage("whose?");
  });
}
