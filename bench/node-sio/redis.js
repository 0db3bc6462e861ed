// Rooms in Redis, for several processes. Redis decides (a list for each room,
// the owner first); each process keeps a copy of who is where, told by the
// others through the adapter, so that a signal asks Redis nothing: that is
// the cheapest that this architecture can be.

import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { MemoryRooms } from "./memory.js";

const CREATE = `
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
redis.call("RPUSH", KEYS[1], ARGV[1])
return 1`;

const JOIN = `
local members = redis.call("LRANGE", KEYS[1], 0, -1)
if #members == 0 then return members end
for _, id in ipairs(members) do
  if id == ARGV[1] then return members end
end
redis.call("RPUSH", KEYS[1], ARGV[1])
members[#members + 1] = ARGV[1]
return members`;

const LEAVE = `
if redis.call("LINDEX", KEYS[1], 0) == ARGV[1] then
  redis.call("DEL", KEYS[1])
  return 1
end
redis.call("LREM", KEYS[1], 1, ARGV[1])
return 0`;

export async function connect(io, url) {
  const pub = createClient({ url });
  const sub = pub.duplicate();
  for (const client of [pub, sub]) {
    client.on("error", (err) => console.error("node-sio: redis:", err));
    await client.connect();
  }
  io.adapter(createAdapter(pub, sub));
  return new RedisRooms(io, pub);
}

class RedisRooms {
  #io;
  #redis;
  #copy = new MemoryRooms();

  constructor(io, redis) {
    this.#io = io;
    this.#redis = redis;
    io.on("members", (room, members) => this.#learn(room, members));
    io.on("left", (room, id) => this.#copy.leave(room, id));
  }

  async create(room, id) {
    if (!(await this.#eval(CREATE, room, id))) {
      return false;
    }
    this.#tell("members", room, [id]);
    return true;
  }

  async join(room, id) {
    const members = await this.#eval(JOIN, room, id);
    if (members.length === 0) {
      return undefined;
    }
    this.#tell("members", room, members);
    return members;
  }

  has(room, id) {
    return this.#copy.has(room, id);
  }

  async leave(room, id) {
    const closed = await this.#eval(LEAVE, room, id);
    this.#copy.leave(room, id);
    this.#io.serverSideEmit("left", room, id);
    return closed === 1;
  }

  #eval(script, room, id) {
    return this.#redis.eval(script, { keys: ["room:" + room], arguments: [id] });
  }

  #tell(event, room, members) {
    this.#learn(room, members);
    this.#io.serverSideEmit(event, room, members);
  }

  #learn(room, [owner, ...others]) {
    this.#copy.create(room, owner);
    others.forEach((id) => this.#copy.join(room, id));
  }
}
