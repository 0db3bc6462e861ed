'use strict';
// Parley's events, in memory, on a real Socket.IO server: just enough for one client's requests.
const fieldNames = {
  'room-joined': ['room', 'ownerId', 'clients'],
  'room-left': ['room', 'kicked'],
  'target-not-found': ['room', 'targetId'],
};

// named turns positional arguments into the object of PROTOCOL.md section 2, without seq.
function named(event, fields) {
  const names = fieldNames[event] || ['room'];
  return Object.fromEntries([['event', event], ...names.map((name, i) => [name, fields[i]])]);
}

// Parley takes no binary arguments.
const noBinary = "bad request: binary arguments are not supported, a signal's data is JSON";
const hasBinary = (v) =>
  Buffer.isBuffer(v) || (v !== null && typeof v === 'object' && Object.values(v).some(hasBinary));

module.exports = function serve(io) {
  const rooms = new Map();
  io.on('connection', (socket) => {
    const on = (name, handle) =>
      socket.on(name, (...args) => {
        const ack = typeof args[args.length - 1] === 'function' ? args.pop() : null;
        if (args.some(hasBinary)) {
          const room = typeof args[0] === 'string' ? { room: args[0] } : {};
          if (ack) ack({ event: 'error', message: noBinary, code: 'bad-request', ...room, senderId: socket.id });
          else socket.packet({ type: 2, data: ['error', noBinary] }); // version 2 keeps emit('error') to itself
          return;
        }
        const [event, ...fields] = handle(...args);
        if (ack) ack(named(event, fields));
        else socket.emit(event, ...fields);
      });
    on('room-create', (room) => {
      if (rooms.has(room)) return ['room-exists', room];
      rooms.set(room, [socket.id]);
      return ['room-created', room];
    });
    on('room-join', (room) => {
      if (!rooms.has(room)) return ['room-not-exists', room];
      const members = rooms.get(room);
      return ['room-joined', room, members[0], members.filter((id) => id !== socket.id)];
    });
    on('room-leave', (room) => {
      if (!rooms.has(room)) return ['not-in-room', room];
      rooms.delete(room);
      return ['room-left', room, false];
    });
    on('signal-send', (room, targetId) => ['target-not-found', room, targetId]);
  });
};
