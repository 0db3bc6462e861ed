// Everything that parley-rtc has, used as its types say. It is compiled, never run.
import {
  closeMessage, connect, Mesh, Parley, ParleyError, Peer, Room,
  type About, type Changes, type Creation, type Entry, type Info, type Options, type Roster, type Signal,
} from "parley-rtc";

const options: Options = {
  rtc: { iceServers: [{ urls: "stun:stun.example.org" }] }, keep: 30, persist: true, token: async () => "t", reconnect: true,
  firstDelay: 500, mostDelay: 15_000, openTimeout: 1, requestTimeout: 1, pingInterval: 1, pingTimeout: 1, WebSocket, RTCPeerConnection,
};
const parley: Parley = connect("wss://example.org/ws", options);
connect();
connect("/ws", { token: "abc" });

const stops: (() => void)[] = [
  parley.on("open", ({ id, again }) => { const s: string = id; const b: boolean = again; void [s, b]; }),
  parley.on("away", ({ code, reason, message, delay, attempt, rooms }) => { const n: number = code + delay + attempt; void [n, reason, message, rooms.length]; }),
  parley.on("connecting", ({ attempt }) => void attempt),
  parley.on("moved", ({ message }) => void message),
  parley.on("close", ({ code }) => void code, { once: true }),
  parley.on("error", (error: ParleyError) => { if (error.code === "forbidden" && !error.temporary) void error.room; }),
];
for (const stop of stops) stop();
const id: string | null = parley.id;
const limits: number | undefined = parley.limits.frame;
const state: "connecting" | "open" | "waiting" | "closed" = parley.state;
const before: string[] = await parley.restored;

const creation: Creation = { onOwnerGone: "transfer", meta: { name: "Ann" } };
const entry: Entry = { meta: { name: "Ann" }, password: "open sesame" };
const room: Room = await parley.enter("lobby", { ...creation, ...entry });
await parley.create("a", creation);
await parley.join("a", entry);
await parley.knock("a", entry);
await parley.leave("a");
await parley.closeRoom("a");
await parley.moderate("room-kick", "a", { targetId: "x" });
const signal: Signal = { description: { type: "offer", sdp: "" } };
await parley.signal("a", "x", signal);
await room.signal("x", { candidate: {} });

room.on("join", ({ id }) => room.infoOf(id).user);
room.on("leave", ({ id }) => room.stateOf(id) === "away");
room.on("member-away", ({ id }) => room.elder(id));
room.on("member-back", ({ id, fresh }) => void [id, fresh]);
room.on("member-update", ({ info }: { info: Info }) => info.meta?.["name"]);
room.on("owner", ({ ownerId }) => ownerId === room.ownerId);
room.on("update", ({ about, by }: { about: About; by?: string }) => void [about.locked, about.knock, by]);
room.on("knock", ({ id }) => room.admit(id));
room.on("knock-end", ({ id }) => room.refuse(id));
room.on("signal", ({ senderId, data }) => (data.description ? data.description.type : data.candidate.candidate) ?? senderId);
room.on("away", ({ reason }) => reason);
room.on("back", () => undefined);
room.on("live", ({ lost }) => lost.map((id) => id.length));
room.on("end", ({ how, reason, message }) => void [how === "closed", reason === "kicked", message]);
const changes: Changes = { locked: true, password: null, maxMembers: 4, knock: true, onOwnerGone: "stay", meta: { a: 1 } };
await room.update(changes);
await room.setMeta({ name: "Ann" });
await room.kick("x", { message: "later" });
const { sub } = await room.ban("x", { seconds: 60 });
await room.ban({ sub });
await room.unban(sub);
await room.transfer("x");
const roster: Roster = await room.roster();
void [roster.members[0]?.sub, roster.bans?.[0]?.seconds, roster.knocks?.[0]?.id, room.knocking.get("x")?.claims];
void [room.name, room.selfId, room.members.length, room.seq, room.ended, room.state, room.caughtUp, room.about.meta, room.owned];

const mesh: Mesh = room.mesh((peer: Peer) => {
  peer.pc.addTrack(new MediaStreamTrack());
  peer.on("track", ({ streams }) => streams[0]?.id);
  peer.on("channel", (channel) => channel.send("hi"));
  peer.on("state", (now) => now === "connected");
  peer.on("error", (error) => error.message);
  peer.on("close", () => peer.id);
  void [peer.state, peer.polite];
}, { iceServers: [] });
mesh.peers.get("x")?.restart();
mesh.close();
new Mesh(room, () => undefined, { rtc: {}, broken: () => parley.probe() });
const peer = new Peer({ id: "a", selfId: "b", send: (data) => parley.signal("lobby", "a", data), patience: 1, waits: () => false });
await peer.receive(signal);
peer.mend(1); peer.renew(); peer.isOfAnother({ type: "offer" }); peer.close();
await room.leave();
await room.close();
parley.retry(); parley.probe(); parley.close();
try { throw new ParleyError("timeout", "late"); } catch (error) { if (error instanceof ParleyError) void [error.code, error.targetId]; }
const words: string = closeMessage(1013, "busy");
void [id, limits, state, before, words, parley.rooms.get("lobby"), parley.options.keep, new Parley("/ws")];

// What is wrong has to be an error.
// @ts-expect-error no such event
parley.on("opened", () => undefined);
// @ts-expect-error no such event
room.on("joined", () => undefined);
// @ts-expect-error no such event
peer.on("trakc", () => undefined);
// @ts-expect-error another value
room.on("join", ({ name }) => name);
// @ts-expect-error no signal
await room.signal("x", { offer: "" });
// @ts-expect-error both at once are none
await room.signal("x", { description: { type: "offer" }, candidate: {} });
// @ts-expect-error a description has a type
await room.signal("x", { description: { sdp: "" } });
// @ts-expect-error no such policy
await parley.create("a", { onOwnerGone: "vanish" });
// @ts-expect-error no such option
connect("/ws", { kepe: 30 });
// @ts-expect-error a number
connect("/ws", { keep: "30" });
// @ts-expect-error no such change
await room.update({ lock: true });
// @ts-expect-error no such request
await parley.moderate("room-kik", "a");
// @ts-expect-error rooms are made by Parley
new Room();
// @ts-expect-error it can be read only
room.state = "live";
// @ts-expect-error no such code
if (new ParleyError("timeout", "").code === "time-out") void 0;
