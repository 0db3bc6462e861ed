/**
 * Showing one's screen in the place of one's camera.
 *
 * @module screen
 */

/**
 * @param {object} page
 * @param {() => Iterable<RTCPeerConnection>} page.connections those to the others.
 * @param {() => MediaStream} page.own what the camera and the microphone give.
 * @param {() => void} page.changed is called when it begins and ends.
 * @param {(text: string) => void} page.say
 */
export function setUpScreen({ connections, own, changed, say }) {
  let screen = null; // the track that is shown

  /** What is sent: with the screen, where it is shown. @returns {MediaStreamTrack[]} */
  function tracks() {
    return own().getTracks().map((track) => (track.kind === "video" && screen) || track);
  }

  /** Puts a track in the place of another, towards everybody. */
  async function replace(before, after) {
    for (const pc of connections()) {
      await pc.getSenders().find(({ track }) => track === before)?.replaceTrack(after);
    }
  }

  async function start() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: false });
    } catch (error) {
      if (error.name !== "NotAllowedError") say(`The screen cannot be shown: ${error.message}`); // else one has thought better of it
      return;
    }
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    track.addEventListener("ended", () => void stop(track)); // by the browser's own button
    screen = track;
    await replace(own().getVideoTracks()[0], track);
    changed();
    say("The others see your screen.");
  }

  async function stop(track = screen) {
    if (!screen || screen !== track) return;
    screen = null;
    track.stop();
    await replace(track, own().getVideoTracks()[0]);
    changed();
    say("Your screen is not shown any more.");
  }

  return {
    tracks,
    stop,
    replace,
    /** The track of the screen, while it is shown. */
    get shown() {
      return screen;
    },
    toggle: () => (screen ? stop() : start()),
    possible: Boolean(navigator.mediaDevices?.getDisplayMedia),
  };
}
