// Rooms in this process's memory: name -> members in join order, the first
// being the owner.

export class MemoryRooms {
  #rooms = new Map();

  // create is true when the room did not exist.
  create(room, id) {
    if (this.#rooms.has(room)) {
      return false;
    }
    this.#rooms.set(room, new Set([id]));
    return true;
  }

  // join returns the members in join order, or undefined when there is no room.
  join(room, id) {
    const members = this.#rooms.get(room);
    members?.add(id);
    return members && [...members];
  }

  has(room, id) {
    return this.#rooms.get(room)?.has(id) ?? false;
  }

  // leave is true when it closed the room, because the owner left.
  leave(room, id) {
    const members = this.#rooms.get(room);
    if (!members?.has(id)) {
      return false;
    }
    const [owner] = members;
    if (owner === id) {
      this.#rooms.delete(room);
      return true;
    }
    members.delete(id);
    return false;
  }
}
