/**
 * What the owner of a room sees beside the call: who knocks, the room's door, and what may be done with a member.
 *
 * @module host
 */

const $ = (id) => document.getElementById(id);

/**
 * @param {object} page
 * @param {() => object | null} page.room the Room that we are in.
 * @param {(id: string) => string} page.nameOf
 * @param {(text: string) => void} page.say
 * @param {(error: Error) => void} page.failed
 * @param {() => void} page.leave leaves the room, which goes on.
 * @param {string} [page.token] what the server knows us by.
 */
export function setUpHost({ room, nameOf, say, failed, leave, token }) {
  const grants = grantsOf(token);

  /** Whether we are the owner, or a moderator by our token. The server decides; this is what is offered. */
  function mayModerate() {
    const now = room();
    return Boolean(now) && (now.owned || grants.some(({ room: name, can }) => can?.includes("moderate") && covers(name, now.name)));
  }

  const run = async (action, done) => {
    try {
      await action;
      if (done) say(done);
    } catch (error) {
      failed(error);
    }
  };

  /** Shows the door as it is. */
  function show() {
    const { about = {} } = room() ?? {};
    const may = mayModerate();
    $("door").hidden = !may;
    $("door").dataset.locked = String(Boolean(about.locked || about.password));
    $("door-locked").checked = Boolean(about.locked);
    $("door-knock").checked = Boolean(about.knock);
    $("door-password").placeholder = about.password ? "There is one; type another to change it" : "None";
    $("door-open").hidden = !about.password;
    if (!may) $("knocks").replaceChildren();
    for (const button of document.querySelectorAll("[data-owners]")) button.hidden = !room()?.owned;
  }

  async function showBans() {
    const { bans = [] } = await room().roster().catch(() => ({}));
    $("bans").replaceChildren(
      ...bans.map(({ sub, seconds }) => row(`${sub} is banned for another ${Math.ceil(seconds / 60)} min`, [
        ["Let come again", () => run(room().unban(sub), `${sub} may come again.`).then(showBans)],
      ])),
    );
  }

  function knock({ id, user, claims, meta }) {
    const name = meta?.name ?? claims?.name ?? user ?? "Somebody";
    const item = row(`${name} wants to come in`, [
      ["Let in", () => run(room().admit(id))],
      ["Not now", () => run(room().refuse(id))],
    ]);
    item.dataset.knock = id;
    $("knocks").append(item);
    say(`${name} wants to come in.`);
  }

  function knockEnded({ id }) {
    document.querySelector(`[data-knock="${CSS.escape(id)}"]`)?.remove();
  }

  /** What may be done with a member, as buttons for its tile. */
  function actionsFor(id) {
    return [
      ["Remove", () => run(room().kick(id), `${nameOf(id)} was removed.`)],
      ["Ban", () => run(room().ban(id), `${nameOf(id)} is banned for an hour.`)],
      ["Hand over", () => run(room().transfer(id), `${nameOf(id)} is the owner now.`), { owners: true }],
    ];
  }

  /** The owner leaves: for itself, or for all. */
  function askHowToLeave() {
    $("leaving").showModal();
  }

  $("door").addEventListener("click", () => {
    show();
    $("door-dialog").showModal();
    void showBans();
  });
  $("door-form").addEventListener("submit", () => {
    const changes = { locked: $("door-locked").checked, knock: $("door-knock").checked };
    const password = $("door-password").value;
    if (password) changes.password = password;
    $("door-password").value = "";
    void run(room().update(changes), changes.locked ? "The room is locked." : "The room's door is as you said.");
  });
  $("door-open").addEventListener("click", () => void run(room().update({ password: null }), "The room needs no password any more."));
  for (const id of ["door-close", "leaving-stay"]) $(id).addEventListener("click", () => $(id).closest("dialog").close());
  $("leaving-leave").addEventListener("click", () => {
    $("leaving").close();
    leave();
  });
  $("leaving-end").addEventListener("click", () => {
    $("leaving").close();
    void run(room().close());
  });

  return { show, knock, knockEnded, actionsFor, askHowToLeave, mayModerate };
}

/** What a token says that its bearer may. @returns {{ room?: string, can?: string[] }[]} */
function grantsOf(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims), (c) => c.charCodeAt(0)))).parley.rooms ?? [];
  } catch {
    return []; // there is none, or it is none
  }
}

/** Whether a grant's room, a name or a beginning with a star, covers a room. */
function covers(pattern, name) {
  return pattern === name || (pattern?.endsWith("*") && name.startsWith(pattern.slice(0, -1)));
}

/** A line of text with buttons. */
function row(text, actions) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words, ...buttons(actions));
  return item;
}

/** @param {[string, () => void, { owners?: boolean }?][]} actions `owners`: for the owner alone. */
export function buttons(actions) {
  return actions.map(([label, action, { owners = false } = {}]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = label;
    button.toggleAttribute("data-owners", owners);
    button.addEventListener("click", action);
    return button;
  });
}
