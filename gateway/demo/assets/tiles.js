/**
 * A tile for every member: picture, name, and the connection's state in words.
 *
 * @module tiles
 */
import { buttons } from "./host.js";

const words = {
  new: "Waiting to connect…",
  connecting: "Connecting…",
  connected: "Connected",
  disconnected: "Connection interrupted. Looking for another way…",
  failed: "No connection could be made",
  closed: "Gone",
  again: "Reconnecting…",
  waits: "Connection interrupted. Waiting for this member…",
};

const adjectives = ["Amber", "Brisk", "Calm", "Dapper", "Eager", "Fond", "Gentle", "Hazel", "Ivory", "Jolly", "Keen", "Lucid", "Mellow", "Noble", "Olive", "Plucky", "Quiet", "Rosy", "Sunny", "Tidy", "Umber", "Vivid", "Witty", "Zesty"];
const animals = ["Badger", "Crane", "Dormouse", "Egret", "Finch", "Gecko", "Heron", "Ibis", "Jackdaw", "Kestrel", "Lynx", "Marten", "Newt", "Otter", "Plover", "Quail", "Robin", "Seal", "Tern", "Urchin", "Vole", "Wren", "Yak", "Stoat"];

/** FNV-1a: the same id has the same name and colour in every browser. */
function hash(text) {
  let h = 0x811c9dc5;
  for (const unit of text) h = Math.imul(h ^ unit.codePointAt(0), 0x01000193) >>> 0;
  return (h ^ (h >>> 15)) >>> 0;
}

/** A name for a client that gave none. @param {string} id */
export function nickname(id) {
  const h = hash(id);
  return `${adjectives[h % adjectives.length]} ${animals[Math.floor(h / 64) % animals.length]}`;
}

/** A client's colour, as a hue. @param {string} id */
export function hueOf(id) {
  return hash(id) % 360;
}

/** The crossed microphone from the page's icons, with the word for who does not see it. */
function mutedTag() {
  const tag = element("span", "tag");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-mic-off");
  svg.append(use);
  tag.title = "Microphone off";
  tag.append(svg, element("span", "hidden", "microphone off"));
  return tag;
}

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text) e.textContent = text;
  return e;
}

/** One member's tile. */
export class Tile {
  #video = element("video");
  #avatar = element("span", "avatar");
  #name = element("span", "name");
  #badge = element("span", "badge owner", "owner");
  #absence = element("span", "badge absence", "reconnecting");
  #muted = mutedTag();
  #actions = element("div", "actions");
  #state = element("span", "state");
  #again = element("button", "quiet", "Try again");
  #hear = element("button", "quiet", "Turn the sound on");
  #met = false; // they were connected once

  /** Looks for another path to the member. @type {(() => void) | undefined} */
  onRestart;

  /**
   * @param {string} id
   * @param {{ self?: boolean }} [options]
   */
  constructor(id, { self = false } = {}) {
    this.id = id;
    this.self = self;
    /** @type {HTMLLIElement} */
    this.root = element("li", "tile");
    if (self) this.root.dataset.self = "";
    else this.root.dataset.peerId = id;
    this.root.style.setProperty("--hue", hueOf(id));

    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.muted = self;
    this.#avatar.setAttribute("aria-hidden", "true");
    for (const button of [this.#again, this.#hear]) {
      button.type = "button";
      button.hidden = true;
    }
    this.#badge.hidden = true;
    this.#absence.hidden = true;
    this.#muted.hidden = true;
    this.#again.addEventListener("click", () => this.onRestart?.());
    this.#hear.addEventListener("click", () => this.#play());

    const label = element("p", "label");
    label.append(this.#name, this.#absence, this.#badge, this.#muted);
    const overlay = element("div", "overlay");
    const dot = element("i", "dot");
    const line = element("p", "line");
    line.append(dot, this.#state);
    overlay.append(line, this.#again, this.#hear);
    this.#actions.hidden = true;
    this.root.append(this.#avatar, this.#video, overlay, label, this.#actions);
    this.rename("");
    this.show({ microphone: true, camera: true });
    this.state = self ? "connected" : "new";
  }

  /** What may be done with the member. @type {[string, () => void][]} */
  set actions(actions) {
    this.#actions.replaceChildren(...buttons(actions));
    this.#actions.setAttribute("role", "group");
    this.#actions.setAttribute("aria-label", "What you may do with this member");
  }

  /** Whether we may do that. */
  set manageable(is) {
    this.#actions.hidden = !is;
  }

  /** The connection's state: a name of RTCPeerConnectionState. */
  set state(state) {
    this.root.dataset.state = state;
    this.#met ||= state === "connected";
    const again = this.#met && ["new", "connecting", "closed"].includes(state);
    const waits = this.absent && ["disconnected", "failed"].includes(state); // no path is looked for meanwhile
    this.#state.textContent = this.self ? "" : again ? words.again : waits ? words.waits : words[state] ?? state;
    this.#again.hidden = state !== "failed" || this.absent;
  }

  get state() {
    return this.root.dataset.state;
  }

  get name() {
    return this.#name.textContent;
  }

  /** @param {string} name what the member calls itself; empty for the name that its id gives it. */
  rename(name) {
    const full = name || nickname(this.id);
    this.#name.textContent = this.self ? `${full} (you)` : full;
    this.#avatar.textContent = full.split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
    this.#video.setAttribute("aria-label", this.self ? "Your own picture" : `Picture of ${full}`);
  }

  /** Whether the member has lost its connection to the server. Picture and sound may go on meanwhile. @type {boolean} */
  get absent() {
    return !this.#absence.hidden;
  }

  set absent(absent) {
    this.#absence.hidden = !absent;
    this.root.toggleAttribute("data-absent", absent);
    this.state = this.state; // what it offers depends on it
  }

  /** @param {boolean} owner */
  set owner(owner) {
    this.#badge.hidden = !owner;
  }

  /** Where the member's picture and sound come out. */
  get video() {
    return this.#video;
  }

  /** What the member sends. @param {{ microphone: boolean, camera: boolean, mirrored?: boolean, screen?: boolean }} on */
  show({ microphone, camera, mirrored, screen = false }) {
    this.#muted.hidden = microphone;
    this.root.toggleAttribute("data-screen", screen);
    this.root.dataset.camera = camera ? "on" : "off";
    if (mirrored !== undefined) this.root.classList.toggle("mirrored", mirrored);
  }

  /** @param {MediaStream} stream */
  set stream(stream) {
    if (this.#video.srcObject === stream) return;
    this.#video.srcObject = stream;
    this.#play();
  }

  async #play() {
    try {
      this.#video.muted = this.self;
      await this.#video.play();
      this.#hear.hidden = true;
    } catch (error) {
      // Browsers let a page make a sound only after a click on it; the picture may move before.
      if (error.name !== "NotAllowedError" || this.self) return;
      this.#video.muted = true;
      this.#hear.hidden = false;
      this.#video.play().catch(() => {});
    }
  }

  remove() {
    this.#video.srcObject = null;
    this.root.remove();
  }
}

/**
 * Keeps the tiles of a list as large as the space allows, and evenly placed.
 *
 * @param {HTMLElement} list
 * @returns {() => void} to be called when a tile came or went.
 */
export function packTiles(list) {
  const gap = 12;
  const [narrowest, widest] = [0.85, 16 / 9];
  const pack = () => {
    const style = getComputedStyle(list);
    const width = list.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = list.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const count = list.children.length;
    if (count === 0 || width <= 0 || height <= 0) return;
    let best = { area: 0, w: 0, h: 0 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      let w = (width - gap * (columns - 1)) / columns;
      let h = (height - gap * (rows - 1)) / rows;
      w = Math.min(w, h * widest);
      h = Math.min(h, w / narrowest);
      if (w * h > best.area) best = { area: w * h, w, h };
    }
    list.style.setProperty("--tile-width", `${Math.floor(best.w)}px`);
    list.style.setProperty("--tile-height", `${Math.floor(best.h)}px`);
  };
  new ResizeObserver(pack).observe(list);
  return pack;
}
