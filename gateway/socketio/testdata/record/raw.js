'use strict';
// Requests that no client makes, and those that clients make when something went wrong.
const http = require('node:http');
const { WebSocket } = require('ws');

// tools are what a scenario is written with; everything that they do is logged.
exports.tools = function tools(port, log) {
  let n = 0;
  let sockets = 0;
  let sid = '';
  const request = (method, query, body, headers) =>
    new Promise((resolve) => {
      const req = http.request(
        { port, host: '127.0.0.1', path: '/socket.io/?' + query, method, headers },
        async (res) => {
          const chunks = [];
          for await (const chunk of res) chunks.push(chunk);
          resolve([res.statusCode, res.headers['content-type'] || '', Buffer.concat(chunks).toString()]);
        },
      );
      req.on('error', () => resolve([0, '', '']));
      req.end(body);
    });
  const send = (method, query, body, headers) => {
    const id = ++n;
    const q = query.split('$sid').join(sid);
    if (method === 'GET') log.add('get', id, q);
    else if (Buffer.isBuffer(body)) log.add('octets', id, q, body.toString('base64'));
    else if (method === 'POST') log.add('post', id, q, body);
    else log.add('request', id, method, q);
    return request(method, q, body, headers).then((got) => {
      log.add('got', id, ...got);
      const open = /0\{"sid":"([^"]+)","upgrades"/.exec(got[2]);
      if (open) sid = open[1];
      return got;
    });
  };
  return {
    get: (query) => send('GET', query),
    post: (query, body) => send('POST', query, body, { 'Content-Type': 'text/plain;charset=UTF-8' }),
    octets: (query, ...packets) =>
      send('POST', query, octets(packets), { 'Content-Type': 'application/octet-stream' }),
    request: (method, query) => send(method, query),
    // due waits until the server's time-out for the session is over. A test need not.
    due: (ms) => {
      log.add('due', 0);
      return new Promise((resolve) => setTimeout(resolve, ms));
    },
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ws: (query) =>
      new Promise((resolve) => {
        const id = ++sockets;
        const q = query.split('$sid').join(sid);
        log.add('ws', id, q);
        const ws = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?${q}`);
        const got = [];
        const waiting = [];
        const feed = (m) => (waiting.length ? waiting.shift()(m) : got.push(m));
        ws.on('message', (data) => {
          log.add('recv', id, data.toString());
          feed(data.toString());
        });
        ws.on('close', () => {
          log.add('closed', id);
          feed(null);
        });
        ws.on('unexpected-response', async (_, res) => {
          const chunks = [];
          for await (const chunk of res) chunks.push(chunk);
          log.add('refused', id, res.statusCode, Buffer.concat(chunks).toString());
          resolve(null);
        });
        ws.on('error', () => {});
        ws.on('open', () =>
          resolve({
            send: (text) => {
              log.add('send', id, text);
              ws.send(text);
            },
            binary: (bytes) => {
              log.add('binary', id, bytes.toString('base64'));
              ws.send(bytes);
            },
            next: () => (got.length ? got.shift() : new Promise((r) => waiting.push(r))),
            close: () => ws.close(),
          }),
        );
      }),
  };
};

// octets encodes packets in revision 3's binary framing.
function octets(packets) {
  const all = [];
  for (const packet of packets) {
    const digits = [...String(Buffer.byteLength(packet))].map(Number);
    all.push(Buffer.from([Buffer.isBuffer(packet) ? 1 : 0, ...digits, 255]), Buffer.from(packet));
  }
  return Buffer.concat(all);
}

// scenarios are named; each runs against a fresh server.
exports.scenarios = function scenarios(rev) {
  const q = `EIO=${rev}&transport=polling`;
  const s = `${q}&sid=$sid`;
  const w = `EIO=${rev}&transport=websocket`;
  const pack = (...packets) =>
    rev === 3 ? packets.map((p) => `${p.length}:${p}`).join('') : packets.join('\x1e');
  // join opens a session on polling whose client is connected.
  const join = async (x) => {
    await x.get(q);
    if (rev === 4) {
      await x.post(s, '40');
      await x.get(s);
    }
  };
  const joinSocket = async (x) => {
    const ws = await x.ws(w);
    await ws.next();
    if (rev === 4) ws.send('40');
    await ws.next();
    return ws;
  };
  const bad = (text) => async (x) => {
    const ws = await joinSocket(x);
    ws.send(text);
    await Promise.race([ws.next(), x.wait(300)]);
  };
  const badPost = (body) => async (x) => {
    await join(x);
    const poll = x.get(s);
    await x.wait(50);
    await x.post(s, body);
    await Promise.race([poll, x.wait(300)]);
  };
  const mark = rev === 3 ? 'b4' : 'b';
  const attachment = (...bytes) => Buffer.from(rev === 3 ? [4, ...bytes] : bytes);
  const placeholders = '{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}';
  // set names settings of the server that a scenario needs.
  const set = (opts, act) => Object.assign(act, { opts });
  const quick = { pingInterval: 300, pingTimeout: 500 };
  const all = {
    'transport-unknown': (x) => x.get(`EIO=${rev}&transport=pigeon`),
    'transport-missing': (x) => x.get(`EIO=${rev}`),
    'sid-unknown': (x) => x.get(`${q}&sid=AAAAAAAAAAAAAAAAAAAA`),
    'sid-unknown-post': (x) => x.post(`${q}&sid=AAAAAAAAAAAAAAAAAAAA`, pack('40')),
    'sid-unknown-websocket': (x) => x.ws(`${w}&sid=AAAAAAAAAAAAAAAAAAAA`),
    'handshake-method': (x) => x.post(q, pack('40')),
    'websocket-without-upgrade': (x) => x.get(w),
    'websocket-transport-unknown': (x) => x.ws(`EIO=${rev}&transport=pigeon`),
    'batch': async (x) => {
      await join(x);
      await x.post(s, pack('42["room-create","a"]', '42["room-create","ä🚋"]', '42["room-create","a"]'));
      await x.get(s);
    },
    'acknowledgement': async (x) => {
      await join(x);
      await x.post(s, pack('4217["room-create","a"]', '420["room-leave","a"]'));
      await x.get(s);
    },
    'namespace-refused': async (x) => {
      await join(x);
      await x.post(s, pack('40/admin,'));
      await x.get(s);
    },
    'second-get': async (x) => {
      await join(x);
      const first = x.get(s);
      await x.wait(100);
      await x.get(s);
      await first;
      await x.get(s);
    },
    'close-packet': async (x) => {
      await join(x);
      const poll = x.get(s);
      await x.wait(50);
      await x.post(s, pack('1'));
      await poll;
      await x.get(s);
    },
    'upgrade': async (x) => {
      await join(x);
      const poll = x.get(s);
      await x.wait(50);
      const ws = await x.ws(`${w}&sid=$sid`);
      ws.send('2probe');
      await ws.next();
      await poll;
      ws.send('5');
      ws.send('42["room-create","a"]');
      await ws.next();
      await x.get(s);
      await x.post(s, pack('42["room-leave","a"]'));
      ws.close();
      await x.wait(100);
    },
    'upgrade-twice': async (x) => {
      await join(x);
      const poll = x.get(s);
      await x.wait(50);
      const ws = await x.ws(`${w}&sid=$sid`);
      ws.send('2probe');
      await ws.next();
      await poll;
      ws.send('5');
      const other = await x.ws(`${w}&sid=$sid`);
      if (other) await other.next();
    },
    'probe-wrong': async (x) => {
      await join(x);
      const ws = await x.ws(`${w}&sid=$sid`);
      ws.send('2wrong');
      await ws.next();
      await x.post(s, pack('42["room-create","a"]'));
      await x.get(s);
    },
    'bad-packet-type': bad('47'),
    'bad-engine-type': bad('9'),
    'bad-json': bad('42["room-create"'),
    'bad-event-object': bad('42{"room-create":1}'),
    'bad-disconnect': bad('41{}'),
    'bad-attachments': bad('45-["room-create","a"]'),
    'bad-post-type': badPost(pack('9')),
    'bad-post-packet': badPost(pack('42{')),
    'websocket-transport-missing': (x) => x.ws(`EIO=${rev}`),
    'handshake-put': (x) => x.request('PUT', q),
    'post-unreadable': badPost('abc'),
    'post-unreadable-unheard': async (x) => {
      await join(x);
      await x.post(s, 'abc');
      await x.wait(100);
      await x.get(s);
    },
    'websocket-unreadable': bad('abc'),
    'websocket-batch': async (x) => {
      const ws = await joinSocket(x);
      ws.send('42["room-create","a"]');
      ws.send('423["room-create","ä🚋"]');
      ws.send('42["room-create","a"]');
      for (let i = 0; i < 3; i++) await ws.next();
    },
    'ack-number-unreadable': bad('42abc["room-create","a"]'),
    'binary-websocket': async (x) => {
      const ws = await joinSocket(x);
      for (const ack of ['', '789']) {
        ws.send(`452-${ack}["room-create",${placeholders}]`);
        ws.binary(attachment(1, 2, 3));
        ws.binary(attachment(255, 30, 0));
        await ws.next();
      }
      ws.send('42["room-create","a"]');
      await ws.next();
    },
    'binary-websocket-base64': async (x) => {
      const ws = await joinSocket(x);
      ws.send('451-0["signal-send","a","b",{"_placeholder":true,"num":0}]');
      ws.send(mark + 'AQID');
      await ws.next();
      ws.send('42["room-create","a"]');
      await ws.next();
    },
    'binary-polling': async (x) => {
      await join(x);
      await x.post(s, pack(`452-["room-create",${placeholders}]`, mark + 'AQID', mark + '/x4A'));
      await x.get(s);
      await x.post(s, pack(`452-789["room-join","a",${placeholders}]`, mark + 'AQID'));
      await x.post(s, pack(mark + '/x4A', '42["room-create","a"]'));
      await x.get(s);
    },
    'binary-upgraded': async (x) => {
      await join(x);
      const poll = x.get(s);
      await x.wait(50);
      const ws = await x.ws(`${w}&sid=$sid`);
      ws.send('2probe');
      await ws.next();
      await poll;
      ws.send('5');
      ws.send(`452-1["room-create",${placeholders}]`);
      ws.binary(attachment());
      ws.binary(attachment(4));
      await ws.next();
      ws.send('422["room-create","a"]');
      await ws.next();
    },
    'ping-timeout-websocket': set(quick, async (x) => {
      const ws = await joinSocket(x);
      if (rev === 4) await ws.next();
      await x.due(1500);
    }),
    'ping-timeout-polling': set(quick, async (x) => {
      await join(x);
      if (rev === 4) await x.get(s);
      await x.due(1500);
      await x.post(s, pack(rev === 4 ? '3' : '2'));
      await x.get(s);
    }),
    'heartbeats-websocket': set({ pingInterval: 300, pingTimeout: 5000 }, async (x) => {
      const ws = await joinSocket(x);
      for (let i = 0; i < 3; i++) {
        if (rev === 3) ws.send('2');
        await ws.next();
        if (rev === 4) ws.send('3');
      }
    }),
    'heartbeats-polling': set({ pingInterval: 300, pingTimeout: 5000 }, async (x) => {
      await join(x);
      for (let i = 0; i < 3; i++) {
        if (rev === 3) await x.post(s, pack('2'));
        await x.get(s);
        if (rev === 4) await x.post(s, pack('3'));
      }
    }),
    'disconnect': async (x) => {
      await join(x);
      await x.post(s, pack('41'));
    },
  };
  if (rev === 4) {
    Object.assign(all, {
      'bad-ping': bad('2'),
      'bad-connect-twice': bad('40'),
      'bad-connect-error': bad('44{}'),
      'bad-namespace-event': bad('42/admin,["x"]'),
      'event-before-connect': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.send('42["room-create","a"]');
        await ws.next();
      },
      'connect-with-auth': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.send('40{"token":"t"}');
        await ws.next();
      },
      'connect-admin-first': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.send('40/admin,');
        await ws.next();
        ws.send('40');
        await ws.next();
      },
      'empty-body': badPost(''),
      'eio-unknown': set({ allowEIO3: false }, (x) => x.get('EIO=abc&transport=polling')),
      'connect-unreadable': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.send('4abc');
        await Promise.race([ws.next(), x.wait(300)]);
      },
      'connect-admin-without-comma': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.send('40/admin');
        await ws.next();
      },
      'never-joined': set({ connectTimeout: 400 }, async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        await x.due(1000);
      }),
      'never-joined-polling': set({ connectTimeout: 400 }, async (x) => {
        await x.get(q);
        const poll = x.get(s);
        await x.wait(50);
        await x.due(1000);
        await poll;
        await x.get(s);
      }),
      'disconnect-and-join-again': async (x) => {
        const ws = await joinSocket(x);
        ws.send('41');
        await x.wait(50);
        ws.send('40');
        await ws.next();
        ws.send('42["room-create","a"]');
        await ws.next();
      },
      'binary-before-connect': async (x) => {
        const ws = await x.ws(w);
        await ws.next();
        ws.binary(attachment(1));
        await Promise.race([ws.next(), x.wait(300)]);
      },
      'octets': async (x) => {
        await join(x);
        await x.octets(s, '42["room-create","a"]');
        await x.get(s);
      },
      'revision-mismatch': async (x) => {
        await x.get(q);
        await x.get('EIO=3&transport=polling&sid=$sid');
      },
    });
  } else {
    Object.assign(all, {
      'ping': async (x) => {
        await join(x);
        await x.post(s, pack('2'));
        await x.get(s);
      },
      'bad-length': badPost('5:42'),
      'no-length': badPost('42["room-create","a"]'),
      'zero-length': badPost('0:2:41'),
      'eio-missing': (x) => x.get('transport=polling'),
      'eio-missing-websocket': async (x) => {
        const ws = await x.ws('transport=websocket');
        await ws.next();
        await ws.next();
      },
      'octets': async (x) => {
        await join(x);
        await x.octets(s, '420["room-create","r"]');
        await x.get(s);
        await x.octets(s, '421["room-create","ä🚋"]', '2', '42["room-create","r"]');
        await x.get(s);
      },
      'octets-with-binary': async (x) => {
        await join(x);
        await x.octets(s, `452-5["room-create",${placeholders}]`, attachment(255, 0, 58), attachment(30), '42["room-create","r"]');
        await x.get(s);
      },
      'b64': async (x) => {
        await x.get(`${q}&b64=1`);
        await x.post(`${s}&b64=1`, pack('42["room-create","ä🚋"]'));
        await x.get(`${s}&b64=1`);
      },
      'namespace-query': async (x) => {
        await join(x);
        await x.post(s, pack('40/admin?token=t,'));
        await x.get(s);
      },
    });
  }
  return all;
};
