/**
 * Entering a room: joining it, or creating it when there is none.
 *
 * @module parley/enter
 */

/**
 * @param {string} name
 * @param {object} options of its creation.
 * @param {object} client
 * @param {(frame: object) => Promise<any>} client.ask makes a request.
 * @param {() => boolean} client.wanted false when the room is wanted no more.
 * @param {() => boolean} client.known whether the server is known to know `room-enter`.
 */
export async function enterRoom(name, options, client) {
  try {
    return await client.ask({ event: "room-enter", room: name, ...creation(options), ...entry(options) });
  } catch (error) {
    if (error.code !== "bad-request" || client.known() || !client.wanted()) throw error;
    return joinOrCreate(name, options, client); // an older server
  }
}

/** Between a refusal and the next request another client may create the room, or close it. */
async function joinOrCreate(name, options, { ask, wanted }) {
  for (let tries = 0; ; tries++) {
    try {
      if (tries % 2 === 0) return await ask({ event: "room-join", room: name, ...entry(options) });
      return await ask({ event: "room-create", room: name, ...creation(options), ...entry({ meta: options.meta }) });
    } catch (error) {
      const crossed = ["room-exists", "room-not-exists"].includes(error.code);
      if (tries >= 5 || !crossed || !wanted()) throw error;
    }
  }
}

/** The fields of a request that comes into a room. */
export function entry({ meta, password } = {}) {
  return { ...(meta && { meta }), ...(password && { password }) };
}

/** The fields of a request that may create a room. */
export function creation({ onOwnerGone } = {}) {
  return onOwnerGone ? { onOwnerGone } : {};
}
