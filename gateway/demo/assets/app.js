/**
 * The demo page: a lobby, a room with a tile for each member, and a chat line. All that it knows of
 * signalling and negotiation is in parley.js.
 *
 * @module app
 */
import { connect } from "./parley.js";
import { movingPicture, openMedia } from "./media.js";
import { setUpDevices } from "./devices.js";
import { setUpHost } from "./host.js";
import { withLinks } from "./links.js";
import { setUpScreen } from "./screen.js";
import { hueOf, nickname, packTiles, Tile } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

// Without ICE servers browsers on one machine or one network find each other. Across the internet the
// address has to name one: ?stun=stun:stun.example.org:3478
const rtc = { iceServers: query.getAll("stun").map((urls) => ({ urls })) };
let badServer = false;
try {
  new RTCPeerConnection(rtc).close();
} catch {
  badServer = true; // else no room could be entered
  rtc.iceServers = [];
}

// Where the server asks for a token, the app that embeds the page has one: ?token=… It stays in this tab.
const token = query.get("token") ?? undefined;
const parley = connect("/ws", { rtc, token, persist: true }); // who reloads the page comes back into the call
/** With what we come into a room: whoever goes, the others go on; and our name, which others see before they are connected to us. */
function entryOf({ password } = {}) {
  const name = $("name").value.trim();
  return { onOwnerGone: "transfer", ...(name && { meta: { name } }), ...(password && { password }) };
}
const suggestion = nickname(crypto.getRandomValues(new Uint32Array(1)).join()).toLowerCase().replace(" ", "-");
const on = { microphone: true, camera: true };

let media = null; // what openMedia gave, once it has
let room = null; // the room that we are in, or are coming back to
let coming = null; // the name of the room to which a page that was loaded anew goes back
let mesh = null;
let ownTile = null;
let unread = 0;
const tiles = new Map(); // member id → Tile
const channels = new Map(); // member id → RTCDataChannel
const newcomers = new Set(); // ids of members who joined after us and have not said their name yet
const names = recall("parley-names", {}); // by member id, what they called themselves: also to the page before this one
const pack = packTiles($("tiles"));

/** For tests, and for who looks into the console. */
window.parleyDemo = {
  parley,
  get room() {
    return room;
  },
  get peers() {
    return mesh?.peers ?? new Map();
  },
  get media() {
    return media;
  },
};

// --- What the tab remembers ------------------------------------------------------------------------

function recall(key, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise; // nothing that is whole, or a browser that keeps nothing for this page
  }
}

function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It is asked for again.
  }
}

// --- Words -----------------------------------------------------------------------------------------

let statusTimer;

/** Says something in passing. */
function say(text, { quietly = false } = {}) {
  $("status").textContent = text;
  $("status").classList.toggle("shown", !quietly);
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => $("status").classList.remove("shown"), 5000);
}

const notices = new Map(); // what stays until it is dealt with, by kind; the newest is shown

/** Says something that stays until it is dealt with. `kind` lets the one who said it change it or take it back. */
function warn(kind, text, action) {
  const repeated = notices.has(kind);
  if (!repeated) say(text, { quietly: true }); // one live region speaks for the page
  notices.set(kind, { text, action });
  showNotice();
}

function unwarn(kind) {
  notices.delete(kind);
  showNotice();
}

/** Shows the newest. Where the keyboard stood on what goes, it is given another place. */
function showNotice() {
  const [kind, { text, action } = {}] = [...notices].at(-1) ?? [];
  const held = $("notice").contains(document.activeElement);
  $("notice").dataset.kind = kind ?? "";
  $("notice").hidden = !kind;
  if (held && !kind) (document.body.dataset.view === "room" ? $("room-view") : $("join")).focus({ preventScroll: true });
  if (!kind) return;
  $("notice-text").textContent = text;
  $("notice-action").hidden = !action;
  if (action) {
    $("notice-action").textContent = action.label;
    $("notice-action").onclick = action.run;
  }
}

function explain(error, name) {
  switch (error.code) {
    case "room-not-exists":
      return `There is no room called “${name}”.`;
    case "room-exists":
      return `There is a room called “${name}” already.`;
    case "room-full":
      return `The room “${name}” is full.`;
    case "too-many-rooms":
      return "You are in too many rooms. Leave one first.";
    case "rate-limited":
      return "That was too much at once. Try again in a moment.";
    case "unavailable":
      return "The rooms cannot be reached just now. Try again in a moment.";
    case "timeout":
    case "disconnected":
      return "The server did not answer. Try again in a moment.";
    case "locked":
      return `The room “${name}” is locked.`;
    case "bad-password":
      return `The room “${name}” needs its password.`;
    case "banned":
      return `You are banned from “${name}”.`;
    case "refused":
      return `You were not let into “${name}”.`;
    case "forbidden":
      return `You may not do that in “${name}”: ${error.message}.`;
    case "unauthorized":
      return `The server does not know you: ${error.message}.`;
    case "bad-request":
      return `The server does not accept “${name}” as a room's name: ${error.message}`;
    default:
      return `Something went wrong: ${error.message}`;
  }
}

// --- Lobby -----------------------------------------------------------------------------------------

/** The room in the address: #/name. The slash keeps it from meaning an element's id. */
function hashRoom() {
  const name = location.hash.replace(/^#\/?/, "");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function showLobby({ focus = true } = {}) {
  coming = null;
  document.body.dataset.view = "lobby";
  document.title = "Parley";
  const invited = hashRoom();
  $("room").value = invited || $("room").value;
  $("room").placeholder = `A new room: ${suggestion}`;
  $("welcome").textContent = invited ? `Meet in “${invited}”` : "Meet in a room";
  $("lead").textContent = invited
    ? "This address leads to a room, which is made if you are the first. Picture, sound and chat go straight from browser to browser."
    : "Type the name of a room, or take a new one. Picture, sound and chat go straight from browser to browser.";
  if (media) $("preview").srcObject = media.stream;
  if (focus) $("join").focus();
}

/** Enters a room, which is made where there is none. `how` is "enter", or "knock" for one whose door is closed. */
async function enter(how, name) {
  for (const kind of [...notices.keys()]) {
    if (kind !== "away" && kind !== "stun") unwarn(kind);
  }
  busy(true);
  try {
    if (!media) {
      say("Waiting for the camera: answer the browser's question, and it goes on.");
      await opening;
    }
    if (parley.state !== "open") say("Waiting for the server…");
    const entry = entryOf({ password: $("password").value });
    if (how === "knock") {
      say("You knocked. Somebody in the room has to let you in.");
      await parley.knock(name, entry);
    }
    enterRoom(await parley.enter(name, entry)); // and stay
  } catch (error) {
    if (error.code === "bad-password") {
      $("password-row").hidden = false;
      $("password").focus();
    }
    const closed = ["locked", "bad-password"].includes(error.code) && how !== "knock";
    warn("entry", explain(error, name), closed && { label: "Knock", run: () => enter("knock", name) });
  } finally {
    busy(false);
  }
}

/** The page was loaded anew: it goes back to where it was. */
async function comeBack() {
  const before = await parley.restored;
  const name = hashRoom();
  for (const other of before.filter((r) => r !== name)) parley.leave(other).catch(() => {});
  if (!before.includes(name)) return;
  coming = name;
  showRoom(name);
  $("room-count").textContent = "coming back";
  try {
    // At once: our place is kept for some seconds, and the camera may take its time.
    const [entered] = await Promise.all([parley.enter(name, entryOf()), opening]);
    if (coming === name) enterRoom(entered);
  } catch (error) {
    if (coming !== name) return;
    showLobby();
    warn("entry", explain(error, name));
  }
}

/** Back to the lobby before the page was back in its room. */
function stopComing() {
  parley.leave(coming).catch(() => {});
  showLobby();
}

function busy(is) {
  $("join").disabled = is;
}

$("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  enter("enter", $("room").value.trim() || suggestion);
});
$("notice-close").addEventListener("click", () => unwarn($("notice").dataset.kind));
window.addEventListener("hashchange", () => {
  if (room && hashRoom() !== room.name) leave();
  else if (coming && hashRoom() !== coming) stopComing();
  if (!room && !coming) showLobby();
});

// --- Room ------------------------------------------------------------------------------------------

function showRoom(name) {
  document.body.dataset.view = "room";
  document.title = `${name} · Parley`;
  $("room-name").textContent = name;
}

function enterRoom(entered) {
  room = entered;
  coming = null;
  history.replaceState(null, "", `#/${encodeURIComponent(room.name)}`);
  showRoom(room.name);
  clearTiles();

  showOwnTile();
  room.on("end", (end) => roomEnded(entered, end));
  room.on("update", showMembers);
  room.on("member-update", ({ id }) => showName(id));
  room.on("knock", host.knock);
  room.on("knock-end", host.knockEnded);
  room.on("away", ({ reason }) => roomAway(reason));
  room.on("back", () => roomBack());
  mesh = room.mesh(addPeer);
  room.on("join", ({ id }) => {
    if (!room.elder(id)) newcomers.add(id);
    showMembers();
  });
  room.on("leave", ({ id }) => memberLeft(id));
  room.on("member-away", ({ id }) => showAbsence(id));
  room.on("member-back", ({ id }) => showAbsence(id));
  room.on("owner", () => {
    showMembers();
    if (room.owned) say("You are the owner now.");
  });
  for (const id of room.members) showAbsence(id);
  showMembers();
  say(room.owned ? `You created the room “${room.name}”.` : `You joined the room “${room.name}”.`, { quietly: true });
  if (matchMedia("(min-width: 1000px)").matches) openChat(true, { focus: false });
  $("room-view").focus({ preventScroll: true });
}

function showOwnTile() {
  ownTile?.root.remove();
  ownTile = new Tile(room.selfId, { self: true });
  ownTile.rename($("name").value.trim());
  ownTile.stream = media.stream;
  showOwnMedia();
  $("tiles").prepend(ownTile.root);
}

/** A member has one tile for as long as it is a member, whatever becomes of the peers. */
function tileOf(id) {
  if (!tiles.has(id)) {
    const tile = new Tile(id);
    tile.rename(nameOf(id));
    tile.actions = host.actionsFor(id);
    devices.hear(tile.video);
    tiles.set(id, tile);
    $("tiles").append(tile.root);
  }
  return tiles.get(id);
}

/** What a member is called: by itself over the channel or in the room, or by the app. */
function nameOf(id) {
  const { user, claims, meta } = room?.infoOf(id) ?? {};
  const known = [names[id], meta?.name, claims?.name, user].find((name) => typeof name === "string" && name.trim());
  return known?.trim().slice(0, 40) ?? "";
}

function showName(id) {
  tiles.get(id)?.rename(nameOf(id));
  showMembers();
}

function addPeer(peer) {
  const tile = tileOf(peer.id);
  tile.onRestart = () => peer.restart();
  tile.state = peer.state;
  for (const track of screen.tracks()) peer.pc.addTrack(track, media.stream);

  // Made by both sides under the same number, so neither has to wait for the other's.
  const channel = peer.pc.createDataChannel("parley", { negotiated: true, id: 0 });
  channels.set(peer.id, channel);
  channel.onopen = () => channel.send(JSON.stringify(hello()));
  channel.onmessage = ({ data }) => received(tile, data);

  peer.on("track", ({ streams, track }) => {
    tile.stream = streams[0] ?? new MediaStream([track]);
  });
  let met = false; // there was a path once
  peer.on("state", (state) => {
    tile.state = state;
    met ||= state === "connected";
    if (state !== "failed") return;
    if (met) say(`The connection to ${tile.name} was lost, and no other way was found yet.`);
    else say(`No connection to ${tile.name} could be made. A firewall may stand between you${rtc.iceServers.length ? "" : "; across networks a STUN server is needed"}.`);
  });
  peer.on("error", (error) => {
    if (error.code !== "target-not-found" && error.code !== "not-in-room") console.warn(`peer ${peer.id}:`, error);
  });
  peer.on("close", () => channels.get(peer.id) === channel && channels.delete(peer.id));
}

function memberLeft(id) {
  const tile = tiles.get(id);
  tiles.delete(id);
  newcomers.delete(id);
  tile?.remove();
  showMembers();
  if (tile && room?.state === "live") say(`${tile.name} left.`);
}

function showAbsence(id) {
  const tile = tiles.get(id);
  if (tile) tile.absent = room?.stateOf(id) === "away";
}

function showMembers() {
  if (!room) return;
  const others = room.members.length;
  for (const [id, tile] of tiles) {
    tile.owner = id === room.ownerId;
    tile.manageable = host.mayModerate();
  }
  host.show();
  ownTile.owner = room.owned;
  const theirs = room.ownerId ? `${tiles.get(room.ownerId)?.name ?? "somebody else"} is the owner` : "nobody is the owner";
  const count = `${others + 1} ${others ? "members" : "member"} · ${room.owned ? "you are the owner" : theirs}`;
  $("room-count").textContent = room.state === "away" ? "reconnecting" : count;
  const invitation = document.querySelector(".invitation");
  if (others && invitation) invitation.remove();
  if (!others && !invitation && room.state === "live") $("tiles").append(invite());
  pack();
}

/** What stands beside one's own tile while nobody else is here. */
function invite() {
  const item = document.createElement("li");
  item.className = "invitation";
  const title = document.createElement("strong");
  title.textContent = "Nobody else is here yet";
  const text = document.createElement("p");
  text.textContent = "Send the link to somebody, or open it in another tab.";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "primary";
  button.textContent = "Copy link";
  button.addEventListener("click", copyLink);
  item.append(title, text, button);
  return item;
}

function clearTiles() {
  mesh?.close();
  mesh = null;
  tiles.clear();
  channels.clear();
  ownTile = null;
  $("tiles").replaceChildren();
}

/** We are away from the room, and parley.js comes back to it. The page stays as it is, and so do the calls. */
function roomAway(reason) {
  if (reason === "owner-left") {
    // Who owned it has ended it, and should not find it open again.
    const ended = room;
    backToLobby();
    ended.leave(); // which ends its coming back: there is nothing to ask of the server
    warn("closed", `The room “${ended.name}” is closed: its owner left.`);
    return;
  }
  ownTile.absent = true;
  showMembers();
  if (reason !== "lost") say("The room was lost. You will be back in a moment.");
}

function roomBack() {
  if (ownTile.id !== room.selfId) showOwnTile(); // a server that knows no sessions has given us another id
  ownTile.absent = false;
  showMembers();
  say(`You are back in “${room.name}”.`, { quietly: true });
}

function roomEnded(ended, { how, reason, message }) {
  if (room !== ended) return;
  const { name } = ended;
  backToLobby();
  if (how === "moved") return; // which is said of the connection
  if (how === "left") say(`You left the room “${name}”.`);
  else if (reason === "closed") warn("closed", `The room “${name}” is closed: its owner has ended it.`);
  else if (reason === "kicked") warn("closed", `You were removed from “${name}”${message ? `: ${message}` : "."}`);
  else if (reason === "banned") warn("closed", `You were banned from “${name}”${message ? `: ${message}` : "."}`);
  else if (reason === "forbidden") warn("closed", `You may not be in “${name}” any more.`);
  else if (reason === "locked" || reason === "bad-password") warn("closed", `The room “${name}” was closed to newcomers before you were back.`);
  else if (reason === "room-full") warn("closed", `The room “${name}” is full: there was no place when you came back.`);
  else warn("closed", `The room “${name}” is closed: its owner left, or you were removed.`);
}

function backToLobby() {
  room = null;
  void screen.stop();
  clearTiles();
  openChat(false);
  $("chat-log").replaceChildren();
  $("chat-empty").hidden = false;
  showLobby();
}

async function leave() {
  if (coming) return stopComing();
  const leaving = room;
  const { name } = leaving;
  backToLobby();
  try {
    await leaving.leave();
    say(`You left the room “${name}”.`);
  } catch (error) {
    if (error.code !== "disconnected") warn("leave", explain(error, name));
  }
}

async function copyLink() {
  const link = location.href;
  try {
    await navigator.clipboard.writeText(link);
    $("copy").querySelector("span").textContent = "Copied";
    $("copy").querySelector("use").setAttribute("href", "#i-check");
    setTimeout(() => {
      $("copy").querySelector("span").textContent = "Copy link";
      $("copy").querySelector("use").setAttribute("href", "#i-link");
    }, 2000);
    say("The link to this room is copied.");
  } catch {
    warn("link", `The browser does not let this page copy. The link is ${link}`);
  }
}

const host = setUpHost({
  room: () => room,
  nameOf: (id) => tiles.get(id)?.name ?? "somebody",
  say,
  failed: (error) => warn("host", explain(error, room?.name ?? "")),
  leave,
  token,
});

$("leave").addEventListener("click", () => {
  if (room?.owned && room.members.length > 0 && room.state === "live") host.askHowToLeave();
  else void leave();
});
$("copy").addEventListener("click", copyLink);

// --- Chat ------------------------------------------------------------------------------------------

function openChat(open, { focus = true } = {}) {
  $("chat").hidden = !open;
  $("chat-toggle").setAttribute("aria-expanded", String(open));
  if (open) {
    unread = 0;
    showUnread();
    if (focus) $("chat-input").focus();
  }
  pack();
}

function showUnread() {
  $("chat-unread").hidden = unread === 0;
  $("chat-unread").textContent = unread > 9 ? "9+" : String(unread);
  $("chat-toggle").setAttribute("aria-label", unread ? `Chat, ${unread} unread` : "Chat");
}

function received(tile, text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  switch (message?.type) {
    case "hello":
      if (typeof message.name === "string") {
        names[tile.id] = message.name.trim().slice(0, 40);
        remember("parley-names", names);
        tile.rename(names[tile.id]);
      }
      if (room) showMembers();
      if (newcomers.delete(tile.id)) say(`${tile.name} joined.`);
      tile.show({ microphone: message.microphone !== false, camera: message.camera !== false, screen: message.screen === true });
      break;
    case "chat":
      if (typeof message.text !== "string") return;
      addMessage(tile.name, message.text.slice(0, 2000), { hue: hueOf(tile.id) });
      if ($("chat").hidden) {
        unread++;
        showUnread();
      }
      break;
  }
}

function broadcast(message) {
  let reached = 0;
  for (const channel of channels.values()) {
    if (channel.readyState !== "open") continue;
    channel.send(JSON.stringify(message));
    reached++;
  }
  return reached;
}

function addMessage(from, text, { hue, own = false, system = false } = {}) {
  const item = document.createElement("li");
  item.classList.toggle("own", own);
  item.classList.toggle("system", system);
  if (hue !== undefined) item.style.setProperty("--hue", hue);
  if (from) {
    const who = document.createElement("b");
    who.textContent = from;
    const when = document.createElement("time");
    when.textContent = new Date().toTimeString().slice(0, 5);
    who.append(" ", when);
    item.append(who);
  }
  const said = document.createElement("p");
  said.append(...withLinks(text));
  item.append(said);
  $("chat-empty").hidden = true;
  $("chat-log").append(item);
  $("chat-scroll").scrollTop = $("chat-scroll").scrollHeight;
}

$("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("chat-input").value.trim();
  if (!text) return;
  $("chat-input").value = "";
  addMessage("You", text, { own: true });
  if (broadcast({ type: "chat", text }) === 0) {
    addMessage("", "Nobody is connected to you yet, so nobody else saw this.", { system: true });
  }
});
$("chat-toggle").addEventListener("click", () => openChat($("chat").hidden));
$("chat-close").addEventListener("click", () => {
  openChat(false);
  $("chat-toggle").focus();
});
$("chat").addEventListener("keydown", (event) => {
  if (event.key === "Escape") $("chat-close").click();
});

// --- Camera and microphone -------------------------------------------------------------------------

async function openOwnMedia() {
  $("preview-note").hidden = false;
  const hue = Math.floor(Math.random() * 360);
  media = await openMedia({ generated: query.get("media") === "generated", hue });
  $("preview").srcObject = media.stream;
  $("preview").classList.toggle("mirrored", !media.generated);
  $("preview-note").hidden = true;
  $("media-why").textContent = media.why;
  $("media-why").hidden = !media.why;
  $("media-again").hidden = !media.why || query.get("media") === "generated" || !navigator.mediaDevices?.getUserMedia;
  if (media.why) say(media.why, { quietly: true });
  on.microphone = media.sound;
  for (const track of media.stream.getVideoTracks()) track.addEventListener("ended", () => cameraStopped(track, hue));
  showOwnMedia();
}

/** The camera was unplugged or taken away: a moving picture goes on in its place. */
async function cameraStopped(track, hue) {
  const [picture] = movingPicture(hue).getVideoTracks();
  picture.enabled = on.camera;
  media.stream.removeTrack(track);
  media.stream.addTrack(picture);
  media.generated = true;
  media.why = "The camera stopped. The others see a moving picture instead.";
  $("preview").classList.remove("mirrored");
  $("media-why").textContent = media.why;
  $("media-why").hidden = false;
  showOwnMedia();
  say(media.why);
  await screen.replace(track, picture);
}

/** A device was chosen, or given after all: its track takes the place of another. */
async function swapTrack(before, track) {
  track.enabled = on[track.kind === "video" ? "camera" : "microphone"];
  if (before) {
    media.stream.removeTrack(before);
    await screen.replace(before, track);
    before.stop();
  }
  media.stream.addTrack(track);
  if (track.kind === "video") {
    media.generated = false;
    $("preview").classList.add("mirrored");
    track.addEventListener("ended", () => cameraStopped(track, 180));
  } else {
    media.sound = true;
    if (!before) for (const { pc } of window.parleyDemo.peers.values()) pc.addTrack(track, media.stream);
  }
  showOwnMedia();
}

/** Asks for the camera and the microphone once more, and takes what is given now. */
async function askAgain() {
  const given = await openMedia();
  for (const track of given.stream.getTracks()) {
    if (track.kind === "video" && given.generated) track.stop();
    else {
      if (track.kind === "audio") on.microphone = true;
      await swapTrack(media.stream.getTracks().find(({ kind }) => kind === track.kind), track);
    }
  }
  $("media-why").textContent = given.why;
  $("media-why").hidden = !given.why;
  $("media-again").hidden = !given.why;
  say(given.why ? `${given.why} The browser's address bar has a button to allow it.` : "The others see and hear you.");
}
$("media-again").addEventListener("click", () => void askAgain());

const screen = setUpScreen({
  connections: () => [...window.parleyDemo.peers.values()].map(({ pc }) => pc),
  own: () => media.stream,
  changed: () => {
    $("share").setAttribute("aria-pressed", String(Boolean(screen.shown)));
    $("share").title = screen.shown ? "Show your screen no more" : "Show your screen";
    if (ownTile) ownTile.stream = screen.shown ? new MediaStream([screen.shown]) : media.stream;
    showOwnMedia();
    broadcast(hello());
  },
  say,
});
$("share").hidden = !screen.possible;
$("share").addEventListener("click", () => void screen.toggle());
const devices = setUpDevices({ media: () => media, swap: swapTrack, say });

/** What others are told of us over the channel. */
function hello() {
  const shown = Boolean(screen.shown);
  return { type: "hello", name: $("name").value.trim(), microphone: on.microphone, camera: on.camera || shown, screen: shown };
}

function showOwnMedia() {
  for (const button of document.querySelectorAll("[data-toggle]")) {
    const kind = button.dataset.toggle;
    const missing = kind === "microphone" && media && !media.sound;
    button.setAttribute("aria-pressed", String(on[kind]));
    button.disabled = Boolean(missing);
    const name = kind === "microphone" ? "Microphone" : "Camera";
    button.title = missing ? "No microphone" : `${name} is ${on[kind] ? "on" : "off"} (${kind === "microphone" ? "M" : "V"})`;
    button.setAttribute("aria-keyshortcuts", kind === "microphone" ? "M" : "V");
  }
  document.querySelector(".preview .frame").dataset.camera = on.camera ? "on" : "off";
  const shown = Boolean(screen.shown);
  ownTile?.show({ microphone: on.microphone, camera: on.camera || shown, screen: shown, mirrored: !media.generated && !shown });
}

for (const button of document.querySelectorAll("[data-toggle]")) {
  button.addEventListener("click", () => {
    const kind = button.dataset.toggle;
    on[kind] = !on[kind];
    const tracks = kind === "microphone" ? media?.stream.getAudioTracks() : media?.stream.getVideoTracks();
    for (const track of tracks ?? []) track.enabled = on[kind];
    showOwnMedia();
    broadcast(hello());
    say(`${kind === "microphone" ? "Microphone" : "Camera"} ${on[kind] ? "on" : "off"}.`, { quietly: true });
  });
}

// In a call, M and V are the two switches.
document.addEventListener("keydown", (event) => {
  const kind = { m: "microphone", v: "camera" }[event.key.toLowerCase()];
  const writes = event.target.closest("input, textarea, select, dialog");
  if (!kind || !room || writes || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  document.querySelector(`.controls [data-toggle="${kind}"]`).click();
});

// --- The connection to the server ------------------------------------------------------------------

let countdown;
let awaySaid = false; // since the connection last stood; who has closed the notice knows

function showServer(state, text) {
  $("server").dataset.state = state;
  $("server").querySelector("span").textContent = text;
}

parley.on("connecting", ({ attempt }) => {
  clearInterval(countdown);
  showServer("connecting", attempt > 1 || room ? "Reconnecting" : "Connecting");
  if (notices.has("away") && !room) warn("away", "Trying to reach the server again…");
});

parley.on("away", ({ message, delay, attempt }) => {
  showServer("away", room ? "Reconnecting" : "Server away");
  const until = Date.now() + delay;
  const tell = () => {
    if (awaySaid && !notices.has("away")) return;
    awaySaid = true;
    const left = Math.ceil((until - Date.now()) / 1000);
    const next = left > 0 ? `Trying again in ${left} s.` : "Trying again now.";
    // In a call nobody has to count seconds.
    const inCall = room?.members.length ? "The call goes on, and this page keeps trying." : "You will be back in the room when it answers.";
    warn("away", `${message} ${room ? inCall : next}`, { label: "Try now", run: () => parley.retry() });
  };
  clearInterval(countdown);
  countdown = setInterval(tell, 1000);
  if (attempt > 0 || awaySaid) tell(); // else it may be back before one has read it
});

parley.on("open", ({ again }) => {
  clearInterval(countdown);
  showServer("open", "Connected");
  unwarn("away");
  if (again && awaySaid) say("The server is back.");
  awaySaid = false;
});

parley.on("close", ({ message }) => {
  clearInterval(countdown);
  showServer("away", "Closed");
  warn("away", message, { label: "Load this page again", run: () => location.reload() });
});
parley.on("error", (error) => warn("error", explain(error, error.room ?? "")));

window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // brought back by the browser's memory, its connection closed
});

// --- Beginning -------------------------------------------------------------------------------------

$("name").value = recall("parley-name", "");
$("name").addEventListener("change", () => remember("parley-name", $("name").value.trim()));
if (badServer) warn("stun", "The browser cannot use the STUN server in the address, so it is left out. One is written ?stun=stun:stun.example.org:3478");
const opening = openOwnMedia();
showLobby({ focus: false });
comeBack();
