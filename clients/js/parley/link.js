/**
 * One connection after another to the same server.
 *
 * @module parley/link
 */
import { movedCode } from "./errors.js";

/** @import { Options } from "../parley.js" */

/** How long a connection must have lasted before the next loss counts as the first again; and so with a stay in a room. */
export const steadyAfter = 5000;

/** The longest wait between attempts while the session is kept, in milliseconds: the last one should not come too late. */
const mostDelayWhileKept = 2000;

/** With what a socket is closed that was given up: 1000 would say that the client leaves its rooms. */
const givenUp = 4000;

/**
 * A WebSocket that is made again when it is lost. A connection counts as standing once its owner has said so by
 * {@link Link#opened}. What a socket says that was given up is not heard.
 */
export class Link {
  /** @type {"connecting" | "open" | "waiting" | "closed"} */
  state = "connecting";

  #options;
  #owner;
  #socket = null;
  #attempt = 0;
  #openedAt = 0;
  #lostAt = 0; // when the last connection was lost that stood
  #heard = 0; // how many frames have come
  #retryTimer;
  #openTimer;
  #pingTimer;

  /**
   * @param {Options} options
   * @param {object} owner
   * @param {() => { url: string, protocols: string[] }} owner.address where the next connection goes.
   * @param {() => Promise<void> | undefined} owner.prepare what has to be done before an attempt; undefined: nothing.
   * @param {(attempt: number) => void} owner.connecting an attempt begins.
   * @param {(text: string) => void} owner.frame what the server says.
   * @param {(code: number) => boolean} owner.isFinal whether there is no next connection after one that was closed so.
   * @param {() => boolean} owner.isKept whether the server may still keep the session.
   * @param {(loss: { code: number, reason: string, delay: number, attempt: number, stood: boolean }) => void} owner.lost
   *   the connection was lost, or could not be made; the next attempt is in `delay` milliseconds.
   * @param {(code: number, reason: string) => void} owner.ended it was lost, and there is no next one.
   */
  constructor(options, owner) {
    this.#options = options;
    this.#owner = owner;
  }

  dial() {
    if (this.state === "closed") return;
    this.state = "connecting";
    this.#owner.connecting(++this.#attempt);
    if (this.state !== "connecting" || this.#socket) return; // a listener closed it
    const attempt = this.#attempt;
    const prepared = this.#owner.prepare();
    if (!prepared) {
      this.#connect();
      return;
    }
    prepared.then(
      () => {
        if (this.state === "connecting" && this.#attempt === attempt && !this.#socket) this.#connect();
      },
      (error) => this.drop(error.message),
    );
  }

  #connect() {
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    const { url, protocols } = this.#owner.address();
    let socket;
    try {
      socket = new Socket(url, protocols);
    } catch (error) { // the browser's own rules
      this.drop(error.message);
      return;
    }
    this.#socket = socket;
    const current = (handle) => (event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.onmessage = current(({ data }) => {
      this.#heard++;
      this.#owner.frame(data);
    });
    socket.onclose = current(({ code, reason }) => this.#lost(code, reason));
    this.#openTimer = setTimeout(() => this.drop("no answer"), this.#options.openTimeout);
  }

  /** The connection stands. */
  opened() {
    clearTimeout(this.#openTimer);
    this.state = "open";
    this.#openedAt = Date.now();
    this.#watch();
  }

  /** For how many milliseconds no connection has stood. */
  get lostFor() {
    return Date.now() - this.#lostAt;
  }

  /** @param {string} text */
  send(text) {
    this.#socket.send(text);
  }

  /** Tries to connect now, when it was waiting for the next attempt. */
  retry() {
    if (this.state !== "waiting") return;
    clearTimeout(this.#retryTimer);
    this.dial();
  }

  /** Sees at once whether the connection still stands, or tries now to have one. */
  probe() {
    if (this.state === "open") this.#ping();
    else this.retry();
  }

  /** Gives the socket up without waiting for its closing handshake, which a dead network never ends. */
  drop(reason) {
    const socket = this.#detach();
    this.#lost(1006, reason);
    socket?.close(givenUp);
  }

  /** Ends the connection for good. `last` runs before the server is told. */
  close(last) {
    const socket = this.#detach();
    this.state = "closed";
    last();
    socket?.close(1000);
  }

  /** Ends the connection, if there is one, as the client's leaving; another one follows. */
  leave() {
    if (!this.#socket) return;
    this.#detach().close(1000); // first: the page is about to go
    this.#lost(1000, "");
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
    const stood = this.state === "open";
    if (stood) this.#lostAt = Date.now();
    if (!this.#options.reconnect || code === movedCode || this.#owner.isFinal(code)) {
      this.state = "closed";
      this.#owner.ended(code, reason);
      return;
    }
    // A server that accepts and closes at once is no better than one that does not accept.
    if (stood && Date.now() - this.#openedAt >= steadyAfter) this.#attempt = 0;
    const delay = retryDelay(code, this.#attempt, this.#limits(code));
    this.state = "waiting";
    this.#retryTimer = setTimeout(() => this.dial(), delay);
    this.#owner.lost({ code, reason, delay, attempt: this.#attempt, stood });
  }

  /** The options, and less patience while there is a place to lose. */
  #limits(code) {
    const { firstDelay, mostDelay } = this.#options;
    const hurry = code !== overloaded && this.#owner.isKept();
    return { firstDelay, mostDelay: hurry ? Math.min(mostDelay, mostDelayWhileKept) : mostDelay };
  }

  /** Sends a ping after an interval of silence, and gives the connection up when that goes unheard. */
  #watch() {
    const before = this.#heard;
    this.#pingTimer = setTimeout(() => {
      if (this.#heard !== before) this.#watch();
      else this.#ping();
    }, this.#options.pingInterval);
  }

  #ping() {
    clearTimeout(this.#pingTimer);
    const before = this.#heard;
    this.send('{"event":"ping"}');
    this.#pingTimer = setTimeout(() => {
      if (this.#heard !== before) this.#watch();
      else this.drop("it fell silent");
    }, this.#options.pingTimeout);
  }
}

/** The closing code of a server that has too much to do: it is not helped by haste. */
const overloaded = 1013;

/**
 * How long to wait before the next attempt. `attempt` is 0 after a connection that lasted. Jittered, so that a server's
 * clients do not return as one.
 */
export function retryDelay(code, attempt, { firstDelay, mostDelay }) {
  const first = code === overloaded ? Math.max(firstDelay, mostDelay / 3) : firstDelay;
  if (attempt === 0 && code !== overloaded) {
    // The others in the call wait. A server that drains says so in good order: there is another, or it is back at once.
    const [least, most] = code === 1001 ? [0, 100] : [100, 250];
    return Math.min(firstDelay, least + Math.random() * (most - least));
  }
  const jitter = 0.5 + Math.random() / 2;
  return Math.min(mostDelay, first * 2 ** Math.max(0, Math.min(attempt - 1, 20))) * jitter;
}
