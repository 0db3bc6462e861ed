'use strict';
// Real Socket.IO clients, driven by lines of JSON on standard input; everything that they hear goes, as lines of JSON, to
// standard output.
//
//   {"do":"open","client":"a","version":4,"url":"http://…","options":{…},"emits":[["room-create","x"]]}
//   {"do":"emit","client":"a","args":["room-join","x"],"ack":1}   with {"$binary":"base64"} for binary data
//   {"do":"burst","client":"a","room":"x","target":"…","from":0,"count":200}
//   {"do":"settle","client":"a"}
//   {"do":"close","client":"a"}
const readline = require('node:readline');

const libraries = {
  2: require('socket.io-client-2'),
  3: require('socket.io-client-3').io,
  4: require('socket.io-client-4').io,
};
const clients = new Map();
// revive makes binary data of {"$binary": "base64"}, at any depth.
const revive = (v) => {
  if (v === null || typeof v !== 'object') return v;
  if (typeof v.$binary === 'string') return Buffer.from(v.$binary, 'base64');
  if (Array.isArray(v)) return v.map(revive);
  return Object.fromEntries(Object.entries(v).map(([name, member]) => [name, revive(member)]));
};
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

const commands = {
  open({ client, version, url, options, emits }) {
    const socket = libraries[version](url, { forceNew: true, ...options });
    clients.set(client, socket);
    const transport = () => socket.io.engine && socket.io.engine.transport.name;
    // An upgrade may be refused: version 2 in Node has no User-Agent there, and may have been late.
    const stays = () => socket.io.engine.on('upgradeError', () => { socket.io.engine.stays = true; });
    stays();
    socket.io.on('reconnect_attempt', () => setTimeout(() => socket.io.engine && stays()));
    socket.on('connect', () => {
      say({ client, event: '#connect', args: [socket.id, transport()] });
      const upgraded = () => say({ client, event: '#upgrade', args: [transport()] });
      if (transport() === 'websocket') upgraded(); // before it had joined
      else socket.io.engine.on('upgrade', upgraded);
    });
    socket.on('connect_error', (err) => say({ client, event: '#connect_error', args: [String(err.message || err)] }));
    socket.on('disconnect', (reason) => say({ client, event: '#disconnect', args: [reason] }));
    // An 'error' without a listener ends the process. One of the server's own is an event, and told below.
    if (version === 2) socket.on('error', (err) => typeof err === 'string' && say({ client, event: '#error', args: [err] }));
    // Everything that arrives, whatever its name.
    const onevent = socket.onevent;
    socket.onevent = function (packet) {
      say({ client, event: packet.data[0], args: packet.data.slice(1) });
      onevent.call(this, packet);
    };
    for (const args of emits || []) socket.emit(...args);
  },
  emit({ client, args, ack }) {
    const more = ack ? [(...answer) => say({ client, event: '#ack', args: [ack, ...answer] })] : [];
    clients.get(client).emit(...revive(args), ...more);
  },
  burst({ client, room, target, from, count }) {
    for (let i = from; i < from + count; i++) clients.get(client).emit('signal-send', room, target, { i, pad: 'é🚋' });
  },
  // A client on polling that has just got something is about to poll again; one that changes to WebSocket is on neither for a moment.
  settle({ client }) {
    const polls = () => {
      const { transports, transport, stays } = clients.get(client).io.engine;
      if (transport.name !== 'polling' || ((stays || transports.length === 1) && (transport.polling || transport._polling))) setTimeout(() => say({ client, event: '#settled', args: [] }), 100);
      else setTimeout(polls, 10);
    };
    setTimeout(polls, 10);
  },
  close({ client }) {
    clients.get(client).disconnect();
  },
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on('close', () => process.exit(0));
say({ client: '', event: '#ready', args: [] });
