// A program in Node that meets another one: node bot.mjs SERVER ROOM. It prints what it hears.
import { connect } from "parley-rtc";

const [, , server, name] = process.argv;
const options = {};
if (!globalThis.WebSocket && process.env.PASS_WS) options.WebSocket = (await import("ws")).default;
const parley = connect(server, options);
const room = await parley.enter(name);
room.on("signal", async ({ senderId, data }) => {
  console.log(data.description.sdp);
  if (data.description.type === "offer") await room.signal(senderId, { description: { type: "answer", sdp: "back from " + process.version } });
  await room.leave();
  parley.close();
});
const greet = (id) => room.signal(id, { description: { type: "offer", sdp: "hello from " + process.version } });
room.on("join", ({ id }) => greet(id));
