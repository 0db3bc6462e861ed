'use strict';
// Runs real clients against real servers through a proxy that writes down what goes by, and raw requests against the
// same servers. Usage: node record.js <directory> [<expression that the names of raw exchanges to be recorded match>]
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { WebSocket, WebSocketServer } = require('ws');
const serve = require('./rooms.js');
const raw = require('./raw.js');

const servers = {
  2: (opts) => require('socket.io-2')(opts),
  4: (opts) => new (require('socket.io-4').Server)({ allowEIO3: true, ...opts }),
};
const clients = {
  2: require('socket.io-client-2'),
  3: require('socket.io-client-3').io,
  4: require('socket.io-client-4').io,
};
const version = (name) => require(`./node_modules/${name}/package.json`).version;
const out = path.resolve(process.argv[2]);
const wanted = process.argv[3] && new RegExp(process.argv[3]);

// Log holds the steps of an exchange, with the ids in it replaced by names.
class Log {
  steps = [];
  names = [];

  add(...step) {
    for (const text of step) this.learn(text);
    this.steps.push(step);
  }

  learn(text) {
    if (typeof text !== 'string') return;
    const open = /0\{"sid":"([^"]+)","upgrades"/.exec(text);
    if (open) this.names.push([open[1], '$sid']);
    const connect = /40\{"sid":"([^"]+)"\}/.exec(text);
    if (connect) this.names.push([connect[1], '$id']);
  }

  // The length of a packet of revision 3 that holds an id goes too: ids have another length here.
  json() {
    const replace = (v) => {
      if (typeof v !== 'string') return v;
      for (const [id, name] of this.names) v = v.split(id).join(name);
      return v;
    };
    return this.steps.map((step) => step.map(replace));
  }
}

function query(url) {
  const q = new URL(url, 'http://x').searchParams;
  q.delete('t');
  return q.toString();
}

const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

// proxy passes everything on to a port and logs it.
async function proxy(port, log) {
  let polls = 0;
  let sockets = 0;
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const n = ++polls;
    if (req.method === 'GET') log.add('get', n, query(req.url));
    else log.add('post', n, query(req.url), body.toString());
    const onward = http.request(
      { port, host: '127.0.0.1', path: req.url, method: req.method, headers: req.headers },
      async (answer) => {
        const got = [];
        for await (const chunk of answer) got.push(chunk);
        const text = Buffer.concat(got);
        log.add('got', n, answer.statusCode, answer.headers['content-type'] || '', text.toString());
        res.writeHead(answer.statusCode, answer.headers);
        res.end(text);
      },
    );
    onward.on('error', () => res.destroy());
    onward.end(body);
  });
  const wss = new WebSocketServer({ noServer: true });
  server.on('upgrade', (req, socket, head) => {
    const n = ++sockets;
    log.add('ws', n, query(req.url));
    const back = new WebSocket(`ws://127.0.0.1:${port}${req.url}`);
    const early = [];
    let front = null;
    back.on('message', (data) => {
      log.add('recv', n, data.toString());
      if (front) front.send(data.toString());
      else early.push(data.toString());
    });
    back.on('open', () =>
      wss.handleUpgrade(req, socket, head, (ws) => {
        front = ws;
        for (const data of early) ws.send(data);
        ws.on('message', (data) => {
          log.add('send', n, data.toString());
          back.send(data.toString());
        });
        ws.on('close', () => back.close());
      }),
    );
    back.on('close', () => front && front.close());
    back.on('error', () => socket.destroy());
  });
  return { port: await listen(server), close: () => server.close() };
}

const once = (socket, event) => new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
const quiet = () => new Promise((resolve) => setTimeout(resolve, 300));

// events is what a client does, one thing after the other.
async function events(socket) {
  const ask = async (answer, ...args) => {
    const heard = once(socket, answer);
    socket.emit(...args);
    await heard;
    await quiet();
  };
  await once(socket, 'connect');
  await quiet(); // the upgrade
  await ask('room-created', 'room-create', 'lobby');
  await ask('room-exists', 'room-create', 'lobby');
  await ask('room-not-exists', 'room-join', 'elsewhere');
  await ask('room-joined', 'room-join', 'lobby');
  await ask('target-not-found', 'signal-send', 'lobby', 'nobody-at-all-of-that-id', { candidate: {} });
  await ask('room-created', 'room-create', 'Zürich 🚋 "quoted"');
  await ask('room-left', 'room-leave', 'Zürich 🚋 "quoted"');
  await ask('not-in-room', 'room-leave', 'nowhere');
  socket.disconnect();
  await quiet();
}

async function heartbeats(socket) {
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  socket.disconnect();
  await quiet();
}

async function write(name, header, log) {
  const lines = log.json().map((step) => '    ' + JSON.stringify(step));
  const text = `{\n  "recorded": ${JSON.stringify(header.recorded)},\n  "pingInterval": ${header.pingInterval},\n` +
    `  "pingTimeout": ${header.pingTimeout},\n  "steps": [\n${lines.join(',\n')}\n  ]\n}\n`;
  fs.writeFileSync(path.join(out, name + '.json'), text);
  console.log(name, lines.length);
}

async function start(v, opts) {
  const server = http.createServer();
  const io = servers[v]({ maxHttpBufferSize: 65536, cookie: false, perMessageDeflate: false, ...opts });
  io.attach(server, { maxHttpBufferSize: 65536, cookie: false, perMessageDeflate: false, ...opts });
  serve(io);
  return { io, port: await listen(server), close: () => { server.closeAllConnections(); io.close(); server.close(); } };
}

async function withClient(name, v, c, transports, act, opts) {
  const server = await start(v, opts);
  const log = new Log();
  const through = await proxy(server.port, log);
  const socket = clients[c](`http://127.0.0.1:${through.port}`, { forceNew: true, ...(transports && { transports }) });
  await act(socket);
  const recorded = `socket.io ${version('socket.io-' + v)}, socket.io-client ${version('socket.io-client-' + c)}`;
  await write(name, { recorded, ...opts }, log);
  through.close();
  server.close();
}

async function withRaw(name, v, act, opts) {
  const server = await start(v, opts);
  const log = new Log();
  await act(raw.tools(server.port, log));
  await write(name, { recorded: `socket.io ${version('socket.io-' + v)}`, ...opts }, log);
  server.close();
}

async function main() {
  const calm = { pingInterval: 25000, pingTimeout: 20000 };
  const quick = { pingInterval: 400, pingTimeout: 5000 };
  for (const [c, v] of wanted ? [] : [[2, 2], [3, 4], [4, 4]]) {
    await withClient(`client${c}-upgrade`, v, c, null, events, calm);
    await withClient(`client${c}-polling`, v, c, ['polling'], events, calm);
    await withClient(`client${c}-websocket`, v, c, ['websocket'], events, calm);
    await withClient(`client${c}-heartbeat-polling`, v, c, ['polling'], heartbeats, quick);
    await withClient(`client${c}-heartbeat-websocket`, v, c, ['websocket'], heartbeats, quick);
  }
  for (const [rev, v] of [[3, 2], [4, 4]]) {
    for (const [name, act] of Object.entries(raw.scenarios(rev))) {
      if (wanted && !wanted.test(`raw${rev}-${name}`)) continue;
      await withRaw(`raw${rev}-${name}`, v, act, { ...calm, ...act.opts });
    }
  }
  process.exit(0);
}

main();
