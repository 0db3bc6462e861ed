/**
 * Which camera, microphone and speaker are used.
 *
 * @module devices
 */

const $ = (id) => document.getElementById(id);
const kinds = { videoinput: "pick-camera", audioinput: "pick-microphone", audiooutput: "pick-speaker" };
const unnamed = { videoinput: "Camera", audioinput: "Microphone", audiooutput: "Speaker" };

/**
 * @param {object} page
 * @param {() => { stream: MediaStream } | null} page.media
 * @param {(before: MediaStreamTrack | undefined, after: MediaStreamTrack) => Promise<void>} page.swap puts a new track in the place of another.
 * @param {(text: string) => void} page.say
 */
export function setUpDevices({ media, swap, say }) {
  let speaker = ""; // the browser's own choice

  /** Has a video element sound where it was chosen. @param {HTMLMediaElement} element */
  function hear(element) {
    if (speaker && element.setSinkId) element.setSinkId(speaker).catch(() => {});
  }

  async function list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    for (const [kind, id] of Object.entries(kinds)) {
      const all = devices.filter((device) => device.kind === kind && device.deviceId);
      const track = media()?.stream.getTracks().find((t) => kind.startsWith(t.kind));
      const used = kind === "audiooutput" ? speaker : track?.getSettings().deviceId;
      $(id).replaceChildren(
        ...all.map(({ deviceId, label }, i) => new Option(label || `${unnamed[kind]} ${i + 1}`, deviceId, false, deviceId === used)),
      );
      if (kind === "audiooutput" && !("setSinkId" in HTMLMediaElement.prototype)) $(id).replaceChildren();
      $(id).closest("label").hidden = all.length === 0 || $(id).options.length === 0;
    }
    $("no-devices").hidden = Object.values(kinds).some((id) => !$(id).closest("label").hidden);
  }

  async function choose(kind, deviceId) {
    const wanted = kind === "videoinput" ? { video: { deviceId: { exact: deviceId } } } : { audio: { deviceId: { exact: deviceId } } };
    try {
      const [track] = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
      await swap(media().stream.getTracks().find((t) => t.kind === track.kind), track);
    } catch (error) {
      say(`That device cannot be used: ${error.message || error.name}`);
      await list(); // which shows what is used
    }
  }

  for (const [kind, id] of Object.entries(kinds)) {
    $(id).addEventListener("change", () => {
      if (kind !== "audiooutput") return void choose(kind, $(id).value);
      speaker = $(id).value;
      for (const video of document.querySelectorAll(".tile:not([data-self]) video")) hear(video);
    });
  }
  for (const button of document.querySelectorAll("[data-devices]")) {
    button.hidden = !navigator.mediaDevices?.enumerateDevices;
    button.addEventListener("click", async () => {
      await list();
      $("devices").showModal();
    });
  }
  $("devices-close").addEventListener("click", () => $("devices").close());
  return { hear };
}
