/**
 * Parley's client: rooms, signals, and peer connections over them. What each thing does stands beside it; the server's side is
 * docs/PROTOCOL.md.
 *
 * It needs the types of the DOM (`"lib": ["DOM"]`), in Node too: of WebSocket and RTCPeerConnection it names only types there.
 */

export {}; // what has no export below is not exported

/** An EventTarget whose events carry one value, in `event.detail`. `Events` is what each event's value is. */
declare class Emitter<Events extends object> extends EventTarget {
  /** Calls `listener` with the value of each event of this type. Returns what stops it. */
  on<Type extends keyof Events & string>(
    type: Type,
    listener: (detail: Events[Type]) => void,
    options?: AddEventListenerOptions,
  ): () => void;
}

/** What becomes of a room when its owner leaves, or was away for too long. */
export type Policy = "close" | "transfer" | "stay";

/** What two members tell each other: a description, or an ICE candidate (`{}` ends them). */
export type Signal =
  | { description: RTCSessionDescriptionInit; candidate?: undefined }
  | { candidate: RTCIceCandidateInit; description?: undefined };

/** The server's codes, its answers that say no, and this library's own: what `ParleyError.code` may be. */
export type Code =
  | "bad-request" | "too-large" | "too-many-rooms" | "room-full" | "rate-limited" | "unavailable" | "internal"
  | "unauthorized" | "forbidden" | "locked" | "bad-password" | "banned" | "too-many-bans"
  | "room-exists" | "room-not-exists" | "not-in-room" | "target-not-found"
  | "disconnected" | "timeout" | "closed" | "refused";

/** What went wrong with a request, with a `code` to act on and a `message` to show. */
export class ParleyError extends Error {
  constructor(code: Code, message: string, frame?: { room?: string; targetId?: string });
  readonly name: "ParleyError";
  readonly code: Code;
  /** The room that it is about, if any. */
  readonly room?: string;
  /** The member that it is about, if any. */
  readonly targetId?: string;
  /** True when the same request may well succeed if it is made again a little later. */
  get temporary(): boolean;
}

/** What a WebSocket's closing code means, as a sentence for people. `reason` is the server's own words, if it gave any. */
export function closeMessage(code: number, reason?: string): string;

/** What is set for a connection. What is left out has the value that stands in its text. */
export interface Options {
  /** What peer connections are made with. Without `iceServers` those that the server tells ({@link Parley.iceServers}). */
  rtc?: RTCConfiguration;
  /** Seconds, 300 at most, for which this client stays in its rooms after it lost its connection: 30. 0: it leaves them at once. */
  keep?: number;
  /** Keep the session, in `sessionStorage`, when the page is loaded anew: false. For one connection to a server in a page. */
  persist?: boolean;
  /** Who this client is, signed by the app's server. A function is asked for each connection, and before a token expires. */
  token?: string | (() => string | Promise<string>);
  /** Connect again after the connection is lost: true. */
  reconnect?: boolean;
  /** Milliseconds before a new attempt after one that failed, which doubles with each: 500. */
  firstDelay?: number;
  /** The longest wait between attempts, in milliseconds: 15,000. It is 2 s at most while the server keeps this client in its rooms. */
  mostDelay?: number;
  /** Milliseconds that an attempt may take: 10,000. */
  openTimeout?: number;
  /** Milliseconds until a request is given up: 15,000. The server gives up after 10 s and says so. */
  requestTimeout?: number;
  /** Milliseconds of silence after which a ping is sent: 20,000. */
  pingInterval?: number;
  /** Milliseconds that the server then has to say something: 10,000. */
  pingTimeout?: number;
  /** Another implementation: the global one. In Node before 22 there is none: pass that of the package `ws`. */
  WebSocket?: unknown;
  /** Another implementation: the global one. */
  RTCPeerConnection?: typeof globalThis.RTCPeerConnection;
}

/** What comes into a room with this client. */
export interface Entry {
  /** What this client says of itself, such as a name: a JSON object of 256 bytes at most. All members see it. */
  meta?: Json;
  /** The room's password, if it has one. */
  password?: string;
}

/** How a room is made. */
export interface Creation {
  /** What this client says of itself; see {@link Entry}. */
  meta?: Json;
  /** "close" unless said otherwise. With the others it closes with its last member. */
  onOwnerGone?: Policy;
}

/** A JSON object. */
export interface Json {
  [name: string]: unknown;
}

/** What others see of a member. */
export interface Info {
  /** Who it is, by the app's word. */
  user?: string;
  /** The app's word on it. */
  claims?: Json;
  /** Its own word. */
  meta?: Json;
  /** It moderates the room. */
  mod?: boolean;
}

/** What stands about a room. */
export interface About {
  /** Nobody joins. */
  locked?: boolean;
  /** There is a password. */
  password?: boolean;
  maxMembers?: number;
  /** Who meets the lock, or lacks the password, may knock. */
  knock?: boolean;
  onOwnerGone?: Policy;
  /** The room's own. */
  meta?: Json;
}

/** What {@link Room.update} changes: what is left out stays, `null` takes away. `password` is the new one. */
export type Changes = {
  locked?: boolean | null;
  password?: string | null;
  maxMembers?: number | null;
  knock?: boolean | null;
  onOwnerGone?: Policy | null;
  meta?: Json | null;
};

/** What {@link Room.roster} says. */
export interface Roster {
  members: (Info & { id: string; sub?: string })[];
  /** Who is banned, and for how many seconds more. */
  bans?: { sub: string; seconds: number }[];
  knocks?: (Info & { id: string })[];
}

/** What the server allows. What is missing is not limited, or not known before it is connected. */
export interface ServerLimits {
  /** Bytes of a request. */
  frame?: number;
  /** Rooms at once. */
  rooms?: number;
  /** Requests a second, and at once. */
  rate?: number;
  burst?: number;
}

/** How a connection has ended: the WebSocket's code and reason, and what they mean in words. */
export interface Ending {
  code: number;
  reason: string;
  message: string;
}

/** What the listeners of a {@link Parley} are given. */
export interface ParleyEvents {
  /** Connected; `again` says that it was not the first time. */
  open: { id: string; again: boolean };
  /** The connection was lost or not made. The next attempt is in `delay` ms. `rooms` were lost with it: none to which one comes back. */
  away: Ending & { delay: number; attempt: number; rooms: string[] };
  /** An attempt begins. */
  connecting: { attempt: number };
  /** The session goes on in another page that has its key. `close` follows. */
  moved: Ending;
  /** Over for good. */
  close: Ending;
  /** An error that answers no request of ours. */
  error: ParleyError;
}

/** The connection, and the session that outlives it. {@link connect} makes one. */
export class Parley extends Emitter<ParleyEvents> {
  constructor(url: string, options?: Options);
  /** This client's id, which it has as long as its session; null while it has none. */
  readonly id: string | null;
  /** The rooms that this client is in, by name. */
  readonly rooms: ReadonlyMap<string, Room>;
  readonly limits: ServerLimits;
  readonly options: Readonly<Options>;
  /** With `persist`: the rooms that the page was in before it was loaded anew. `enter` and `join` come back to them. */
  readonly restored: Promise<string[]>;
  get state(): "connecting" | "open" | "waiting" | "closed";
  /** Creates a room and becomes its owner. Rejects with `room-exists`. A name is 1 to 128 bytes of UTF-8 without control characters. */
  create(name: string, options?: Creation): Promise<Room>;
  /** Joins a room. Rejects with `room-not-exists`, `locked`, `bad-password`, `banned`, `forbidden`, `room-full`. */
  join(name: string, options?: Entry): Promise<Room>;
  /** Knocks at a room. Fulfilled once this client may join, within a minute. Rejects with `refused`, and as {@link join}. */
  knock(name: string, options?: Entry): Promise<void>;
  /** Joins a room, or creates it, and stays until the app leaves it: it comes back by itself, and the {@link Room} is the same. */
  enter(name: string, options?: Creation & Entry): Promise<Room>;
  /** Leaves a room. Leaving one that this client is not in is no error. */
  leave(name: string): Promise<void>;
  /** Ends a room for all: its owner and moderators may. Rejects with `forbidden`. */
  closeRoom(name: string): Promise<void>;
  /** Makes a request for which {@link Room} has a method, also about a room that this client is not in. */
  moderate(event: ModerationEvent, room: string, fields?: Json): Promise<Json>;
  /** Sends a signal to another member. Fulfilled once it stands in the queue of the target's connection. Rejects with `target-not-found`. */
  signal(room: string, targetId: string, data: Signal): Promise<void>;
  /** The STUN and TURN servers that the server has for its clients, with credentials. A mesh asks by itself, unless it is given servers. */
  iceServers(): Promise<RTCIceServer[]>;
  /** Tries to connect now, when it was waiting for the next attempt. */
  retry(): void;
  /** Sees at once whether the connection still stands. */
  probe(): void;
  /** Ends the connection and the session for good. */
  close(): void;
}

/** What {@link Parley.moderate} may ask. */
export type ModerationEvent =
  | "room-kick" | "room-ban" | "room-unban" | "room-update" | "room-transfer" | "room-roster" | "room-admit" | "room-refuse"
  | "member-update";

/** How a room has ended for this client. */
export interface RoomEnd {
  how: "left" | "closed" | "lost" | "moved";
  /** The server's, or the code of the error because of which a room could not be entered again. */
  reason?: "owner-left" | "owner-lost" | "closed" | "removed" | "kicked" | "banned" | "forbidden" | Code;
  /** A word of who removed this client. */
  message?: string;
}

/** What the listeners of a {@link Room} are given. */
export interface RoomEvents {
  /** Another client joined. */
  join: { id: string };
  /** Another member left, was removed, or was away for too long. */
  leave: { id: string };
  /** Another member has lost its connection, and may come back. A hint, which may be missing. */
  "member-away": { id: string };
  /** It is back. `fresh`: as a page that was loaded anew, so nothing is left of the peer connection with it. */
  "member-back": { id: string; fresh: boolean };
  /** A member says something else of itself. */
  "member-update": { id: string; info: Info };
  /** The room has another owner, or none (`""`). */
  owner: { ownerId: string };
  /** Something else stands about the room; `by` has changed it. */
  update: { about: About; by?: string };
  /** To the owner and moderators: somebody wants to come in, or does not any more. */
  knock: Info & { id: string };
  "knock-end": { id: string };
  /** Signals that come before there is a listener are kept for it. */
  signal: { senderId: string; data: Signal };
  /** This client's own stay was interrupted, and goes on. */
  away: { reason: string };
  back: Record<string, never>;
  /** After `back`, when all has come that was kept. `lost`: members from whom signals may be missing. */
  live: { lost: string[] };
  /** This client is in the room no longer. Nothing comes after it. */
  end: RoomEnd;
}

/** A room that this client is in. Made by {@link Parley}. */
export class Room extends Emitter<RoomEvents> {
  private constructor();
  readonly name: string;
  /** The id that this client has in the room. */
  readonly selfId: string;
  /** Empty when the room has no owner. */
  readonly ownerId: string;
  /** The other members, in the order in which they joined. */
  readonly members: readonly string[];
  /** The number of the last change heard of. */
  readonly seq: number;
  readonly ended: null | RoomEnd["how"];
  readonly state: "live" | "away" | "ended";
  /** False from the loss of the connection until all has come that was kept for this client (`live`). */
  readonly caughtUp: boolean;
  readonly about: About;
  /** Who knocks, by id, as far as this client is told. */
  readonly knocking: ReadonlyMap<string, Info>;
  /** True when this client is the owner. */
  get owned(): boolean;
  /** True for a member that was here before this client. */
  elder(id: string): boolean;
  /** Whether a member has a connection, as far as is known; null for who is no member. */
  stateOf(id: string): "live" | "away" | null;
  /** What others see of a member. */
  infoOf(id: string): Info;
  /** Sends a signal to another member; see {@link Parley.signal}. */
  signal(targetId: string, data: Signal): Promise<void>;
  /** Says something else of this client. */
  setMeta(meta: Json): Promise<void>;
  /** Removes a member, which cannot come back for ten seconds. This and what follows is for the owner and moderators. */
  kick(id: string, options?: { message?: string }): Promise<void>;
  /** Keeps a user out, an hour unless said otherwise, a day at most. The server has to ask for tokens. */
  ban(whom: string | { sub: string }, options?: { seconds?: number; message?: string }): Promise<{ sub: string; seconds: number }>;
  /** Lets a user come again. */
  unban(sub: string): Promise<void>;
  /** Changes what stands about the room. */
  update(changes: Changes): Promise<void>;
  /** Makes a member the owner, in the place of this client. */
  transfer(id: string): Promise<void>;
  /** Who is there with their subs, who is banned and who knocks. */
  roster(): Promise<Roster>;
  /** Lets in who knocks. */
  admit(id: string): Promise<void>;
  /** Does not let in who knocks, for a minute. */
  refuse(id: string): Promise<void>;
  /** Leaves; see {@link Parley.leave}. */
  leave(): Promise<void>;
  /** Ends the room for all; see {@link Parley.closeRoom}. */
  close(): Promise<void>;
  /** Keeps a peer connection to every member; `onPeer` is called before anything is negotiated. */
  mesh(onPeer: (peer: Peer) => void, rtc?: RTCConfiguration): Mesh;
}

/** Peer connections to all members of a room. */
export class Mesh {
  constructor(
    room: Room,
    onPeer: (peer: Peer) => void,
    options?: { rtc?: RTCConfiguration; ice?: () => Promise<RTCIceServer[]>; broken?: () => void; RTCPeerConnection?: typeof globalThis.RTCPeerConnection },
  );
  /** By member id. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Closes every connection and makes no more. It does not leave the room. */
  close(): void;
}

/** What the listeners of a {@link Peer} are given. */
export interface PeerEvents {
  state: RTCPeerConnectionState;
  /** From the other side. */
  track: RTCTrackEvent;
  channel: RTCDataChannel;
  /** A signal could not be sent or made no sense. The connection may come about all the same. */
  error: Error;
  close: null;
}

/** One peer connection and its negotiation, which either side may start. */
export class Peer extends Emitter<PeerEvents> {
  constructor(options: {
    id: string;
    selfId: string;
    send: (data: Signal) => Promise<void>;
    rtc?: RTCConfiguration;
    ice?: () => Promise<RTCIceServer[]>;
    waits?: () => boolean;
    patience?: number;
    RTCPeerConnection?: typeof globalThis.RTCPeerConnection;
  });
  /** The other member's id. */
  readonly id: string;
  /** True for the side that gives way when two offers cross. */
  readonly polite: boolean;
  /** The connection itself. Add tracks and channels whenever you like. */
  readonly pc: RTCPeerConnection;
  get state(): RTCPeerConnectionState;
  /** Takes a signal that came from the other side. */
  receive(data: Signal): Promise<void>;
  /** True for an offer that the other side makes with another RTCPeerConnection than before. */
  isOfAnother(description?: RTCSessionDescriptionInit): boolean;
  /** Looks for a new path. */
  restart(): void;
  /** Looks for a new path if the present one does not work, now or after so many milliseconds. */
  mend(wait?: number): void;
  /** Negotiates anew: signals of the other side may be missing. */
  renew(): void;
  /** Closes the connection. */
  close(): void;
}

/**
 * Connects to a Parley server and keeps the connection. It returns at once; requests made before the connection stands are sent when
 * it does. Throws when the URL or an option cannot be.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:`, or relative to the page. Without a path it is `/ws` there; without anything, `/ws` on the
 * host that the page came from.
 */
export function connect(url?: string, options?: Options): Parley;
