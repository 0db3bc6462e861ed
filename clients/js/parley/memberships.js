/**
 * The rooms that this client is in, and how it comes into them and out of them.
 *
 * @module parley/memberships
 */
import { enterRoom } from "./enter.js";
import { refusal } from "./errors.js";
import { isSignal } from "./requests.js";
import { Room } from "./room.js";
import { Stays } from "./stays.js";

/** @import { Parley } from "./client.js" */
/** @import { Request, Requests } from "./requests.js" */

/** Why this client is out where somebody meant it: it does not come back by itself. */
const meant = ["closed", "kicked", "banned", "forbidden"];

export class Memberships {
  /** By name. @type {Map<string, Room>} */
  rooms = new Map();
  /** The rooms that are come back to. */
  stays;

  #parley;
  #requests;
  #hooks;
  #unasked = new Set(); // the names of rooms that are to be left unless they are created by a request under way

  /**
   * @param {Parley} parley
   * @param {Requests} requests
   * @param {object} hooks
   * @param {(frame: object, notes: object) => Promise<any>} hooks.ask makes a request.
   * @param {(frame: object) => void} hooks.tell sends what needs no answer.
   * @param {() => boolean} hooks.known whether the server knows sessions, and so `room-enter`.
   * @param {() => void} hooks.changed the rooms are others than before.
   */
  constructor(parley, requests, hooks) {
    this.#parley = parley;
    this.#requests = requests;
    this.#hooks = hooks;
    this.stays = new Stays(parley.options, {
      enter: (stay) => this.enter(stay.room.name, { keep: true, stay, options: stay.options }),
      open: () => parley.state === "open",
      refused: (room, code) => this.forget(room, "closed", code),
    });
  }

  /** The names of the rooms that this client is in or comes back to. */
  names() {
    return [...new Set([...this.rooms.keys(), ...this.stays.all().map(({ room }) => room.name)])];
  }

  /** notes: see {@link Request}. @returns {Promise<Room>} */
  enter(name, notes) {
    return enterRoom(name, notes.options, {
      ask: (frame) => this.#hooks.ask(frame, notes),
      wanted: () => this.wanted(name, notes),
      known: this.#hooks.known,
    });
  }

  /** False when a request was made to come back to a room that the app has left since. */
  wanted(name, { stay }) {
    return !stay || this.stays.get(name) === stay;
  }

  /** Makes this client a member, as an answer to a request says. */
  admit(frame, { keep, options } = {}) {
    let room = this.rooms.get(frame.room);
    const stay = this.stays.get(frame.room);
    this.#unasked.delete(frame.room);
    if (room) room.level(frame);
    else if (stay) {
      room = stay.room;
      this.stays.arrived(stay);
      this.rooms.set(room.name, room);
      room.back(frame);
    } else {
      room = new Room(this.#parley, frame);
      this.rooms.set(room.name, room);
    }
    if (keep && !room.ended) this.stays.keep(room, options);
    this.#hooks.changed();
    return room;
  }

  /** A room that this client did not leave and is in no longer: one that is kept comes back. */
  out(room, how, reason, message) {
    const stay = this.stays.get(room.name);
    if (stay?.room !== room || this.#parley.state === "closed" || meant.includes(reason)) {
      this.forget(room, how, reason, message);
      return;
    }
    this.rooms.delete(room.name);
    this.dropSignals(room.name);
    this.stays.putOut(stay);
    const others = room.members.length;
    room.away(reason);
    if (this.stays.get(room.name) !== stay || this.#parley.state !== "open") return; // a listener left it; or with the next connection
    this.stays.comeBackAmong(stay, others);
  }

  /** Ends a room for good. */
  forget(room, how, reason, message) {
    if (this.rooms.get(room.name) === room) this.rooms.delete(room.name);
    if (this.stays.get(room.name)?.room === room) this.stays.release(room.name);
    this.dropSignals(room.name);
    this.#hooks.changed();
    room.finish(how, reason, message);
  }

  /** There is no connection: the rooms are lost, or all is over. */
  allOut(how) {
    this.pause();
    for (const room of [...this.rooms.values()]) this.out(room, how, how === "lost" ? "lost" : undefined);
    if (this.#parley.state !== "closed") return;
    for (const { room } of this.stays.all()) this.forget(room, how);
  }

  /** Tries nothing any more until there is a connection. */
  pause() {
    this.#unasked.clear();
    this.stays.pause();
  }

  /** There is a connection: comes back to the rooms out of which this client was put. */
  comeBack() {
    for (const stay of this.stays.all()) {
      const { name, state } = stay.room;
      // One that is still among the rooms is resumed.
      if (state === "away" && !this.rooms.has(name) && !this.#requests.firstOf(name)) this.stays.comeBack(stay);
    }
  }

  /** Leaves a room whose answer came after the request was given up, unless it is wanted again. */
  leaveUnasked(name) {
    this.#unasked.delete(name);
    if (this.#requests.asks(name, "room-enter", "room-join", "room-leave")) return;
    // Created it may be yet, should it have been closed meanwhile. Else the answer says that it is there: with us in it.
    if (this.#requests.asks(name, "room-create")) this.#unasked.add(name);
    else this.tellLeft(name);
  }

  /** A room that this client may be in unasked exists: so it is in it. */
  leaveIfUnasked(name) {
    if (!this.rooms.has(name) && this.#unasked.has(name)) this.leaveUnasked(name);
  }

  tellLeft(name) {
    this.#hooks.tell({ event: "room-leave", room: name });
  }

  /** Gives the signals to a room's members up, or to those that `whom` picks: they are gone. */
  dropSignals(name, whom) {
    const picked = (id) => !whom || whom(id);
    this.#requests.reject(
      (request) => isSignal(request) && request.frame.room === name && picked(request.frame.targetId),
      whom ? "target-not-found" : "not-in-room",
    );
  }
}
