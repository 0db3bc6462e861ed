// The signalling events on Socket.IO, as one would write them: the rooms in
// memory, or, with --redis, in Redis, with @socket.io/redis-adapter carrying
// events between any number of these processes.
//
//   node server.js --port 3000 [--redis redis://127.0.0.1:6379]

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { MemoryRooms } from "./memory.js";

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, redis: { type: "string" } },
});

const http = createServer();
const io = new Server(http, { serveClient: false });
const rooms = values.redis
  ? await (await import("./redis.js")).connect(io, values.redis)
  : new MemoryRooms();

// Socket.IO's own rooms carry the events: one for each room.
io.on("connection", (socket) => {
  socket.on("room-create", async (room) => {
    if (!(await rooms.create(room, socket.id))) {
      socket.emit("room-exists", room);
      return;
    }
    socket.join("room:" + room);
    socket.emit("room-created", room);
  });

  socket.on("room-join", async (room) => {
    const clients = await rooms.join(room, socket.id);
    if (!clients) {
      socket.emit("room-not-exists", room);
      return;
    }
    const others = clients.filter((id) => id !== socket.id);
    socket.emit("room-joined", room, clients[0], others);
    if (!socket.rooms.has("room:" + room)) {
      socket.join("room:" + room);
      socket.to("room:" + room).emit("client-joined", room, socket.id);
    }
  });

  socket.on("room-leave", async (room) => {
    if (!rooms.has(room, socket.id)) {
      socket.emit("not-in-room", room);
      return;
    }
    await leave(socket, room);
    socket.emit("room-left", room, false);
  });

  socket.on("signal-send", (room, targetId, data) => {
    if (!rooms.has(room, socket.id)) {
      socket.emit("not-in-room", room);
    } else if (!rooms.has(room, targetId)) {
      socket.emit("target-not-found", room, targetId);
    } else {
      io.to(targetId).emit("signal-receive", room, socket.id, data);
    }
  });

  socket.on("disconnecting", () => {
    for (const name of socket.rooms) {
      if (name.startsWith("room:")) {
        leave(socket, name.slice("room:".length)).catch(report);
      }
    }
  });
});

async function leave(socket, room) {
  socket.leave("room:" + room);
  const closed = await rooms.leave(room, socket.id);
  if (closed) {
    io.to("room:" + room).emit("room-left", room, true);
    io.in("room:" + room).socketsLeave("room:" + room);
  } else {
    io.to("room:" + room).emit("client-left", room, socket.id);
  }
}

function report(err) {
  console.error("node-sio:", err);
}

http.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${http.address().port}`);
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => process.exit(0));
}
