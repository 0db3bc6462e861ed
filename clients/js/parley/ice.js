/**
 * The STUN and TURN servers that the server tells, and the credentials for them.
 *
 * @module parley/ice
 */

export class Ice {
  #ask;
  #open; // those that need no credentials; undefined where there are no servers at all
  #told = null; // a promise of all
  #until = 0; // when half of their time is over

  /** @param {() => Promise<{ iceServers: object[], ttl: number }>} ask makes the request. */
  constructor(ask) {
    this.#ask = ask;
  }

  /** A connection stands. @param {object[] | undefined} servers */
  connected(servers) {
    this.#open = servers;
  }

  /** All servers, with credentials of which more than half the time is left. */
  async servers() {
    if (!this.#open) return [];
    if (!this.#told || Date.now() >= this.#until) {
      this.#until = Infinity; // until it is known
      this.#told = this.#ask().then(
        ({ iceServers, ttl }) => {
          this.#until = Date.now() + ttl * 500;
          return iceServers;
        },
        () => {
          this.#until = 0; // asked again next time
          return this.#open;
        },
      );
    }
    return this.#told;
  }
}
