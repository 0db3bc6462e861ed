/**
 * The rooms at which this client knocks, and waits to be let in.
 *
 * @module parley/knocks
 */
import { refusal } from "./errors.js";

export class Knocks {
  #waiting = new Map(); // by room, the promise's ends

  /** Fulfilled when this client is let in. A second knock at a room takes the place of the first. @param {string} room */
  wait(room) {
    this.#waiting.get(room)?.reject(refusal("refused", { room }));
    return new Promise((resolve, reject) => this.#waiting.set(room, { resolve, reject }));
  }

  /** Somebody has decided, or the room is gone. */
  decided({ event, room }) {
    const knock = this.#take(room);
    if (event === "knock-admitted") knock?.resolve();
    else knock?.reject(refusal(event === "knock-refused" ? "refused" : event, { room }));
  }

  /** An error that answers no request may be the end of a knock. @returns {boolean} whether it was */
  failed(error) {
    const knock = this.#take(error.room);
    knock?.reject(error);
    return knock !== undefined;
  }

  /** There is no connection any more. */
  end(code) {
    for (const room of [...this.#waiting.keys()]) this.#take(room).reject(refusal(code, { room }));
  }

  #take(room) {
    const knock = this.#waiting.get(room);
    this.#waiting.delete(room);
    return knock;
  }
}
