/**
 * The picture and sound that this browser sends: camera and microphone, or a generated moving picture
 * where there is no camera or it is refused.
 *
 * @module media
 */

/**
 * @typedef {object} Media
 * @property {MediaStream} stream
 * @property {boolean} generated true when the picture is not the camera's.
 * @property {boolean} sound true when there is a microphone.
 * @property {string} why what is missing and why, as a sentence; empty when nothing is.
 */

/**
 * Asks for camera and microphone and takes what there is. It always gives a picture and never rejects.
 *
 * @param {{ generated?: boolean, hue?: number }} [options] `generated`: do not ask at all.
 * @returns {Promise<Media>}
 */
export async function openMedia({ generated = false, hue = 180 } = {}) {
  if (generated) return withPicture(null, hue, "A moving picture stands in for your camera, as the address asks.");
  if (!navigator.mediaDevices?.getUserMedia) {
    return withPicture(null, hue, "Browsers give the camera only to pages over https or on localhost, so the others see a moving picture.");
  }
  const video = { width: { ideal: 960 }, height: { ideal: 540 }, frameRate: { ideal: 24, max: 30 } };
  const audio = { echoCancellation: true, noiseSuppression: true };
  const both = await ask({ video, audio });
  if (both.stream) return { stream: both.stream, generated: false, sound: true, why: "" };

  // One of the two may be there or be allowed without the other. A refusal is not asked about again.
  const refused = both.error.name === "NotAllowedError";
  const picture = !refused || (await allowed("camera")) ? await ask({ video }) : both;
  if (picture.stream) {
    return { stream: picture.stream, generated: false, sound: false, why: `${reason(both.error, words.microphone)} The others see you and do not hear you.` };
  }
  const voice = !refused || (await allowed("microphone")) ? await ask({ audio }) : both;
  if (voice.stream) {
    return withPicture(voice.stream, hue, `${reason(picture.error, words.camera)} The others hear you and see a moving picture.`);
  }
  return withPicture(null, hue, `${reason(both.error, words.both)} The others see a moving picture and do not hear you.`);
}

/** Whether the browser gives a device without a question. @param {"camera" | "microphone"} name */
async function allowed(name) {
  try {
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false; // a browser that does not tell
  }
}

async function ask(constraints) {
  try {
    return { stream: await navigator.mediaDevices.getUserMedia(constraints) };
  } catch (error) {
    return { error };
  }
}

const words = {
  camera: { them: "The camera", was: "was", is: "is", none: "No camera", it: "it" },
  microphone: { them: "The microphone", was: "was", is: "is", none: "No microphone", it: "it" },
  both: { them: "Camera and microphone", was: "were", is: "are", none: "No camera and no microphone", it: "them" },
};

function reason(error, { them, was, is, none, it }) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return `${them} ${was} refused, by you or by a setting of the browser.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `${none} ${was} found.`;
    case "NotReadableError":
    case "AbortError":
      return `${them} ${is} there but cannot be used; perhaps another program has ${it}.`;
    default:
      return `${them} cannot be used (${error.message || error.name}).`;
  }
}

function withPicture(voice, hue, why) {
  const stream = movingPicture(hue);
  for (const track of voice?.getAudioTracks() ?? []) stream.addTrack(track);
  return { stream, generated: true, sound: Boolean(voice), why };
}

/**
 * A calm moving picture: soft lights that wander over a coloured ground, and a clock, so that one sees
 * at once whether it arrives.
 *
 * @param {number} hue 0 to 360.
 * @returns {MediaStream}
 */
export function movingPicture(hue) {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext("2d", { alpha: false });
  const { width, height } = canvas;
  const start = performance.now();

  const draw = () => {
    const t = (performance.now() - start) / 1000;
    const ground = context.createLinearGradient(0, 0, width, height);
    ground.addColorStop(0, `hsl(${hue} 45% 26%)`);
    ground.addColorStop(1, `hsl(${hue + 50} 50% 14%)`);
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);

    context.globalCompositeOperation = "screen";
    for (let i = 0; i < 5; i++) {
      const x = width * (0.5 + 0.42 * Math.sin(t * (0.21 + i * 0.05) + i * 1.9));
      const y = height * (0.5 + 0.4 * Math.cos(t * (0.17 + i * 0.06) + i * 2.3));
      const r = height * (0.32 + 0.08 * Math.sin(t * 0.6 + i));
      const light = context.createRadialGradient(x, y, 0, x, y, r);
      light.addColorStop(0, `hsl(${hue + i * 22 - 30} 75% 58% / 0.55)`);
      light.addColorStop(1, `hsl(${hue + i * 22 - 30} 75% 50% / 0)`);
      context.fillStyle = light;
      context.fillRect(x - r, y - r, 2 * r, 2 * r);
    }
    context.globalCompositeOperation = "source-over";

    // A ring that fills once a minute.
    const cx = width / 2;
    const cy = height / 2;
    context.lineCap = "round";
    context.lineWidth = 5;
    context.strokeStyle = "rgb(255 255 255 / 0.18)";
    context.beginPath();
    context.arc(cx, cy, 62, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = "rgb(255 255 255 / 0.85)";
    const now = new Date();
    const part = (now.getSeconds() + now.getMilliseconds() / 1000) / 60;
    context.beginPath();
    context.arc(cx, cy, 62, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * part);
    context.stroke();
    context.fillStyle = "rgb(255 255 255 / 0.92)";
    context.font = "500 26px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(now.toTimeString().slice(0, 5), cx, cy);
  };
  draw();
  // A timer and not animation frames: these stop in a tab that is not looked at.
  const timer = setInterval(draw, 1000 / 15);
  const stream = canvas.captureStream(15);
  const [track] = stream.getVideoTracks();
  track.contentHint = "motion";
  const stop = track.stop.bind(track);
  track.stop = () => {
    clearInterval(timer);
    stop();
  };
  return stream;
}
