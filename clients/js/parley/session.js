/**
 * A session: what a client is to the server beyond one connection. It has a key, which proves whose it is, and turns: its
 * connections, counted from 1.
 *
 * @module parley/session
 */

const subprotocol = "parley.v1";
const keyBytes = 32;

/** How many numbers a turn has for its signals. */
const numbersOfTurn = 2 ** 20;

/** Where the connection of a client without a session goes. @param {string} [token] */
export function addressWithoutSession(url, token) {
  return { url, protocols: [subprotocol, ...shown(token)] };
}

/** The subprotocol by which a token is shown. */
function shown(token) {
  return token ? [`parley.token.${token}`] : [];
}

export class Session {
  /** Unpadded base64url of the bytes. It is a password: nobody but the server may see it. */
  key;
  /** The present connection's number; 0 before the first. */
  turn;

  #count = 0;

  /** @param {{ key?: string, turn?: number }} [before] of the page before this one, if there was one. */
  constructor({ key = randomText(keyBytes), turn = 0 } = {}) {
    this.key = key;
    this.turn = turn;
  }

  /** Begins a turn. Each attempt to connect is one: the server may have seen one that failed. */
  begin() {
    this.turn++;
    this.#count = 0;
  }

  /** Where the connection of this turn goes, and what it offers. */
  address(url, keep, token) {
    const address = new URL(url);
    address.searchParams.set("turn", String(this.turn));
    address.searchParams.set("keep", String(keep));
    return { url: address.href, protocols: [subprotocol, `parley.key.${this.key}`, ...shown(token)] };
  }

  /** The number of the next signal, greater than all before it; 0 when the turn has none left. */
  number() {
    if (this.#count === numbersOfTurn - 1) return 0;
    this.#count++;
    return this.turn * numbersOfTurn + this.#count;
  }
}

/** Random bytes as unpadded base64url. */
export function randomText(bytes) {
  const text = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
