/** What goes wrong, in codes to act on and words to show. @module parley/errors */

/** What went wrong with a request, with a `code` to act on and a `message` to show. */
export class ParleyError extends Error {
  /**
   * @param {string} code one of the server's codes (`bad-request`, `too-large`, `too-many-rooms`,
   *   `room-full`, `rate-limited`, `unavailable`, `forbidden`, `unauthorized`, `locked`, `bad-password`, `banned`,
   *   `too-many-bans`, `internal`), an answer that is not the one
   *   hoped for (`room-exists`, `room-not-exists`, `not-in-room`, `target-not-found`), or one of this
   *   library's own: `disconnected`, `timeout`, `closed`, `refused` (who knocked was not let in).
   * @param {string} message a sentence for people.
   * @param {object} [frame] the server's frame, if there was one.
   */
  constructor(code, message, frame = {}) {
    super(message);
    this.name = "ParleyError";
    this.code = code;
    this.room = frame.room;
    this.targetId = frame.targetId;
  }

  /** True when the same request may well succeed if it is made again a little later. */
  get temporary() {
    return ["unavailable", "rate-limited", "disconnected", "timeout"].includes(this.code);
  }
}

const sentences = {
  disconnected: "The connection to the server was lost.",
  closed: "The connection was closed.",
  timeout: "The server did not answer in time.",
  "not-in-room": "You are not in that room.",
  "room-exists": "There is a room of that name already.",
  "room-not-exists": "There is no room of that name.",
  "target-not-found": "That member has left the room.",
  refused: "You were not let in.",
};

/** The error for an answer that says no by its name, and for what this library finds by itself. */
export function refusal(code, frame, message = sentences[code]) {
  return new ParleyError(code, message, frame);
}

/** The closing codes of a connection whose token does not count, and of one that an operator has ended. */
export const unauthorizedCode = 4401;
export const disconnectedCode = 4403;

/** The closing code of a connection whose session goes on with another. */
export const movedCode = 4409;

/**
 * What a WebSocket's closing code means, as a sentence for people.
 *
 * @param {number} code
 * @param {string} [reason] the server's own words, if it gave any.
 */
export function closeMessage(code, reason = "") {
  const said = reason ? ` (${reason})` : "";
  switch (code) {
    case 1000:
      return "The connection was closed.";
    case 1001:
      return "The server is going away for a moment.";
    case 1007:
    case 1009:
      return `The server could not read what this page sent${said}.`;
    case 1008:
      return reason === "too slow"
        ? "This connection is too slow for what the room sends."
        : `The server closed the connection${said}.`;
    case 1011:
      return `Something went wrong in the server${said}.`;
    case 1013:
      return "The server is overloaded.";
    case unauthorizedCode:
      return `The server does not know you${said}.`;
    case disconnectedCode:
      return "You were disconnected by the operator.";
    case movedCode:
      return "This goes on in another tab or window.";
    default:
      return `The server cannot be reached${said}.`;
  }
}
