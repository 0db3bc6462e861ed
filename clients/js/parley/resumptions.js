/**
 * The rooms that this client is in, or may be in, by an earlier connection of its session. Until one is resumed, what is
 * asked about it waits.
 *
 * @module parley/resumptions
 */
import { refusal } from "./errors.js";
import { isEntering } from "./requests.js";

/** @import { Memberships } from "./memberships.js" */
/** @import { Requests } from "./requests.js" */
/** @import { Room } from "./room.js" */

/**
 * @typedef {object} Resumption
 * @property {Room | null} room null where the app has no room of that name: the answer to a request
 *   was lost, the app has left the room meanwhile, or the page before this one was in it.
 * @property {boolean} fresh nothing is left of the peer connections that there were.
 * @property {{ fresh: boolean } | null} asked what was asked of the present connection.
 * @property {number} tries of the present connection that met a room service out of reach.
 */

const firstDelay = 250;
const mostDelay = 5000;

/** What a room's record says when it was closed, or this client removed: not that it was away for too long. */
const putOutFor = ["owner-left", "owner-lost", "closed", "removed"];

export class Resumptions {
  #byName = new Map();
  #memberships;
  #requests;
  #hooks;

  /**
   * @param {Memberships} memberships
   * @param {Requests} requests
   * @param {object} hooks
   * @param {(frame: object) => Promise<any>} hooks.ask makes a request.
   * @param {() => boolean} hooks.open whether there is a connection.
   * @param {() => string} hooks.id this client's.
   * @param {() => boolean} hooks.inTime whether this client came back before its time was up.
   */
  constructor(memberships, requests, hooks) {
    this.#memberships = memberships;
    this.#requests = requests;
    this.#hooks = hooks;
  }

  /** Whether a room is still to be resumed. */
  has(name) {
    return this.#byName.has(name);
  }

  /** The connection is lost and the session stands: what this client is in, or may be in, waits for the next one. */
  suspend() {
    this.#memberships.pause();
    const { rooms } = this.#memberships;
    for (const resumption of this.#byName.values()) {
      clearTimeout(resumption.timer);
      Object.assign(resumption, { asked: null, tries: 0 });
    }
    for (const request of this.#requests.unsend()) {
      if (isEntering(request) && !rooms.has(request.frame.room)) this.#add(request.frame.room); // its answer may have been on its way
    }
    for (const room of [...rooms.values()]) {
      if (room.ended) continue; // by a listener
      this.#add(room.name, { room });
      room.suspend();
    }
  }

  /** A connection stands, of a server that knows the session. */
  resumeAll() {
    for (const name of [...this.#byName.keys()]) this.#resume(name);
  }

  /** A connection stands, and the server does not know the session: the rooms are lost, and so is what was asked before. */
  giveUp() {
    this.#requests.reject(({ doubt }) => doubt, "disconnected");
    for (const name of [...this.#byName.keys()]) {
      const { room } = this.#take(name);
      if (room) this.#memberships.out(room, "lost", "lost");
    }
  }

  /** There is no session any more. */
  clear() {
    for (const name of [...this.#byName.keys()]) this.#take(name);
  }

  /** The session may be in a room of which this page knows nothing: that is asked first. */
  resumeFresh(name) {
    if (this.has(name)) return;
    this.#add(name, { fresh: true });
    if (this.#hooks.open()) this.#resume(name);
  }

  /** The app has left a room that is still to be resumed. */
  left(name) {
    const resumption = this.#byName.get(name);
    if (resumption) Object.assign(resumption, { room: null, fresh: true });
  }

  /**
   * Takes a `resumed`, also when its request was given up: a second `resume` of one turn would be refused for good.
   */
  resumed(frame) {
    const name = frame.room;
    const { room, asked, fresh } = this.#byName.get(name) ?? { room: this.#memberships.rooms.get(name) };
    if (room) {
      this.#memberships.dropSignals(name, (id) => !frame.clients.includes(id) || frame.fresh?.includes(id));
      room.resumed(frame); // what its listeners ask for waits behind what waits already
      this.#take(name);
    } else if (asked) {
      this.#take(name);
      // The app has left it since: what it asks for now is about another stay.
      if (fresh && !asked.fresh) this.#memberships.tellLeft(name);
      else this.#claim(frame);
    }
    this.#requests.flush(name);
  }

  /** The session is in the room no more. `reason`: why, where the server still knows. */
  tooLate(name, reason = "lost") {
    const room = this.#take(name)?.room;
    const leaving = this.#requests.asks(name, "room-leave", "room-close");
    if (room && leaving) this.#memberships.forget(room, "left");
    else if (room) this.#putOut(room, reason);
    this.#requests.flush(name);
  }

  #putOut(room, reason) {
    // Who came too late was out before the owner ended it for those who were in it.
    const why = reason === "closed" && !this.#hooks.inTime() ? "lost" : reason;
    this.#memberships.out(room, putOutFor.includes(why) ? "closed" : "lost", why);
  }

  #add(name, { room = null, fresh = false } = {}) {
    if (!this.has(name)) this.#byName.set(name, { room, fresh, asked: null, tries: 0 });
  }

  #take(name) {
    const resumption = this.#byName.get(name);
    clearTimeout(resumption?.timer);
    this.#byName.delete(name);
    return resumption;
  }

  #resume(name) {
    const resumption = this.#byName.get(name);
    const { room, fresh } = resumption;
    clearTimeout(resumption.timer);
    resumption.asked = { fresh };
    const reached = fresh || !room ? { seq: 0, heard: {} } : { seq: room.seq, heard: room.heard() };
    this.#hooks.ask({ event: "resume", room: name, ...reached, ...(fresh && { fresh }) }).catch((error) => {
      if (this.#byName.get(name) !== resumption || !this.#hooks.open()) return;
      if (error.temporary || error.code === "internal") this.#putOff(name, resumption);
      else this.tooLate(name);
    });
  }

  /** The room service cannot be reached just now. */
  #putOff(name, resumption) {
    const delay = Math.min(mostDelay, firstDelay * 2 ** resumption.tries++) * (0.5 + Math.random() / 2);
    resumption.timer = setTimeout(() => this.#resume(name), delay);
  }

  /** A room of which the app has none is resumed: for a request whose answer was lost, or for one of a page that was loaded anew. */
  #claim(frame) {
    const { room: name } = frame;
    const request = this.#requests.firstOf(name);
    if (request && !isEntering(request)) return; // it is left as it should be
    if (request) this.#requests.take(request.ref);
    const foreign = request?.frame.event === "room-create" && !request.doubt && frame.ownerId !== this.#hooks.id();
    if (request && !foreign && this.#memberships.wanted(name, request)) {
      request.resolve(this.#memberships.admit(frame, request));
      return;
    }
    this.#memberships.tellLeft(name);
    request?.reject(foreign ? refusal("room-exists", frame) : refusal("not-in-room", frame, "The room was left meanwhile."));
  }
}
