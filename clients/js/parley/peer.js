/**
 * One peer connection.
 *
 * @module parley/peer
 */
import { Emitter } from "./emitter.js";

/** How long the other side may take to answer an offer that it was given, once there is a reason to doubt that it will. */
const answerWithin = 5000;

/**
 * One peer connection and its "perfect negotiation": either side may start, at any time, both at once
 * too. When two offers cross, the side with the smaller id takes its own back (it is the polite one).
 * Add tracks and channels to `pc` whenever you like; the rest happens by itself, ICE restarts included.
 *
 * Events:
 *
 * - `state` {RTCPeerConnectionState}: `new`, `connecting`, `connected`, `disconnected`, `failed`, `closed`.
 * - `track` {RTCTrackEvent} and `channel` {RTCDataChannel}: from the other side.
 * - `error` {Error}: a signal could not be sent or made no sense. The connection may come about all the same.
 * - `close`: by `close`.
 *
 * @see https://www.w3.org/TR/webrtc/#perfect-negotiation-example
 */
export class Peer extends Emitter {
  #send;
  #makingOffer = false;
  #ignoringOffer = false;
  #answerPending = false;
  #earlyCandidates = [];
  #heard = ""; // the description that was taken last
  #work = Promise.resolve();
  #made = 0; // how many descriptions we have made
  #described = Promise.resolve(); // until the last of them is delivered
  #candidates = Promise.resolve(); // until the candidates after it are
  #patient = false; // the other side is to start
  #postponed = false; // we had something to negotiate meanwhile
  #patienceTimer;
  #restartTimer;
  #restarts = 0;
  #answerTimer;
  #doubted = false; // the offer that we are making may never be answered
  #certificate; // the fingerprint of the other side's
  #waits;
  #ice;
  #rtc;
  #servers; // with which the connection was made, or was told since
  #closed = false;

  /**
   * @param {object} options
   * @param {string} options.id the other member's id.
   * @param {string} options.selfId our own.
   * @param {(data: object) => Promise<void>} options.send sends a signal to the other member.
   * @param {RTCConfiguration} [options.rtc]
   * @param {() => Promise<RTCIceServer[]>} [options.ice] is asked for servers before each description of ours.
   * @param {() => boolean} [options.waits] true while signals have to wait: no new path is looked for meanwhile.
   * @param {number} [options.patience=0] milliseconds to let the other side start.
   * @param {typeof RTCPeerConnection} [options.RTCPeerConnection]
   */
  constructor({ id, selfId, send, rtc, ice, waits = () => false, patience = 0, RTCPeerConnection = globalThis.RTCPeerConnection }) {
    super();
    /** The other member's id. */
    this.id = id;
    /** True for the side that gives way when two offers cross. */
    this.polite = selfId < id;
    this.#send = send;
    this.#waits = waits;
    this.#ice = ice;
    this.#rtc = rtc;
    /** The connection itself. @type {RTCPeerConnection} */
    this.pc = new RTCPeerConnection(rtc);
    this.pc.onnegotiationneeded = () => this.#negotiate();
    // The end of candidates is an empty object on the wire.
    this.pc.onicecandidate = ({ candidate }) => this.#tell({ candidate: candidate ?? {} });
    this.pc.onconnectionstatechange = () => this.#stateChanged();
    this.pc.ontrack = (event) => this.emit("track", event);
    this.pc.ondatachannel = ({ channel }) => this.emit("channel", channel);
    if (patience > 0) {
      this.#patient = true;
      this.#patienceTimer = setTimeout(() => this.#losePatience(), patience);
    }
  }

  /** The connection's state. @type {RTCPeerConnectionState} */
  get state() {
    return this.#closed ? "closed" : this.pc.connectionState;
  }

  /**
   * Takes a signal that came from the other side. Signals are worked through in order.
   *
   * @param {{ description?: RTCSessionDescriptionInit, candidate?: RTCIceCandidateInit }} data
   * @returns {Promise<void>} fulfilled when it has been dealt with, well or badly.
   */
  receive(data) {
    this.#certificate ??= fingerprint(data?.description);
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        if (data?.description) await this.#describe(data.description);
        else await this.#addCandidate(data?.candidate);
      } catch (error) {
        if (!this.#closed) this.emit("error", error);
      }
    });
    return this.#work;
  }

  /**
   * True for an offer that the other side makes with another RTCPeerConnection than before: its page was loaded anew. No
   * answer of ours can join the two.
   *
   * @param {RTCSessionDescriptionInit} [description]
   */
  isOfAnother(description) {
    const now = fingerprint(description);
    return description?.type === "offer" && Boolean(now && this.#certificate) && now !== this.#certificate;
  }

  /** Looks for a new path between the two, as after a change of network. */
  restart() {
    if (!this.#closed) this.pc.restartIce();
  }

  /** Looks for a new path if the present one does not work, now or when it still does not after so many milliseconds. */
  mend(wait = 0) {
    if (this.#closed || !this.#broken) return;
    clearTimeout(this.#restartTimer);
    this.#restarts = 0;
    this.#restartTimer = setTimeout(() => this.#restartIfBroken(), wait);
  }

  /** Negotiates anew: signals of the other side may be missing. */
  renew() {
    if (this.#closed) return;
    if (this.pc.signalingState === "have-local-offer") this.#demandAnswer(); // it may be the answer that is missing
    else this.restart();
  }

  /** Closes the connection. The other side learns of it by the room, not from here. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patienceTimer);
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#answerTimer);
    this.pc.close();
    this.emit("state", "closed");
    this.emit("close");
  }

  #losePatience() {
    this.#patient = false;
    if (this.#postponed) this.#negotiate();
  }

  async #negotiate() {
    this.#postponed = this.#patient;
    if (this.#patient || this.#closed) return;
    try {
      this.#makingOffer = true;
      if (this.#ice) await this.#equip();
      await this.pc.setLocalDescription();
      this.#tell({ description: this.pc.localDescription });
    } catch (error) {
      if (!this.#closed) this.emit("error", error);
    } finally {
      this.#makingOffer = false;
    }
  }

  async #describe(description) {
    const heard = description.type + description.sdp;
    if (heard === this.#heard) return; // it had come, though its sender was told that it might not
    clearTimeout(this.#patienceTimer);
    this.#patient = false; // what was postponed goes with the answer, or the browser asks again
    const offer = description.type === "offer";
    const ready = !this.#makingOffer && (this.pc.signalingState === "stable" || this.#answerPending);
    this.#ignoringOffer = offer && !ready && !this.polite;
    if (this.#ignoringOffer) {
      // It gives way to ours, if it has got that.
      if (this.#makingOffer) this.#doubted = true;
      else this.#demandAnswer();
      return;
    }

    this.#answerPending = description.type === "answer";
    try {
      await this.pc.setRemoteDescription(description); // takes our own offer back where two crossed
    } finally {
      this.#answerPending = false;
    }
    this.#heard = heard;
    const early = this.#earlyCandidates.splice(0);
    if (offer) {
      if (this.#ice) await this.#equip();
      await this.pc.setLocalDescription();
      this.#tell({ description: this.pc.localDescription });
    }
    for (const candidate of early) await this.#addCandidate(candidate);
  }

  /** Has the connection look for paths through servers whose credentials count for a while. */
  async #equip() {
    const servers = await this.#ice();
    if (this.#closed || servers === this.#servers || (!this.#servers && servers.length === 0)) return;
    this.#servers = servers;
    this.pc.setConfiguration({ ...this.#rtc, iceServers: servers });
  }

  async #addCandidate(candidate) {
    if (!this.pc.remoteDescription) {
      if (!this.#ignoringOffer) this.#earlyCandidates.push(candidate);
      return;
    }
    try {
      if (candidate?.candidate) await this.pc.addIceCandidate(candidate);
      else await this.pc.addIceCandidate(); // there are no more
    } catch (error) {
      if (!this.#ignoringOffer) throw error; // else it belongs to the offer that was ignored
    }
  }

  /**
   * Sends a signal once those before it are delivered that it depends on. Perfect negotiation needs what
   * it says to arrive, in order: an offer that overtakes our answer is ignored by who waits for that.
   */
  #tell(data) {
    if (data.description) {
      const made = ++this.#made;
      const offer = data.description.type === "offer";
      // An offer that was answered or taken back before it could be sent must not be made any more.
      const stale = () => offer && (made !== this.#made || this.pc.signalingState !== "have-local-offer");
      this.#described = Promise.all([this.#described, this.#candidates]).then(() => this.#deliver(data, stale));
      this.#candidates = Promise.resolve();
      if (offer && this.#doubted) this.#demandAnswer();
    } else {
      const sent = this.#described.then(() => this.#deliver(data));
      this.#candidates = Promise.all([this.#candidates, sent]);
    }
  }

  /**
   * Waits for the answer to our offer, and makes it anew when none comes: it may have been lost, as the offer may. Each side
   * would wait for the other for ever.
   */
  async #demandAnswer() {
    this.#doubted = false;
    const made = this.#made;
    await this.#described;
    clearTimeout(this.#answerTimer);
    if (!this.#closed) this.#answerTimer = setTimeout(() => this.#makeAnew(made), answerWithin);
  }

  #makeAnew(made) {
    this.#work = this.#work.then(async () => {
      if (this.#closed || made !== this.#made || this.pc.signalingState !== "have-local-offer") return;
      if (this.#waits()) {
        this.#demandAnswer();
        return;
      }
      try {
        await this.pc.setLocalDescription({ type: "rollback" });
        this.restart();
      } catch (error) {
        if (!this.#closed) this.emit("error", error);
      }
    });
  }

  /** Sends a signal, again after a while for as long as the server cannot pass it on. It never rejects. */
  async #deliver(data, stale = () => false) {
    for (let tries = 1; !this.#closed && !stale(); tries++) {
      try {
        await this.#send(data);
        return;
      } catch (error) {
        if (this.#closed) return;
        if (!["unavailable", "rate-limited", "timeout"].includes(error.code)) {
          this.emit("error", error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(tries, 5) * 1000 * (0.5 + Math.random())));
      }
    }
  }

  get #broken() {
    return ["disconnected", "failed"].includes(this.pc.connectionState);
  }

  #restartIfBroken() {
    if (!this.#broken || this.#waits()) return; // what waits is looked at again when it need not any more
    this.#restarts++;
    this.restart();
  }

  #stateChanged() {
    if (this.#closed) return;
    const state = this.pc.connectionState;
    clearTimeout(this.#restartTimer);
    if (state === "connected") this.#restarts = 0;
    // A path that broke may come back by itself; one that failed does not. One side begins, so that
    // two restarts seldom cross; the other steps in when that one does not.
    if (state === "disconnected" || (state === "failed" && this.#restarts < 5)) {
      const wait = (state === "disconnected" ? 4000 : 1000 * this.#restarts) + (this.polite ? 2000 : 0);
      this.#restartTimer = setTimeout(() => this.#restartIfBroken(), wait);
    }
    this.emit("state", state);
  }
}

/** What tells one side's RTCPeerConnection from another, in a description: each makes a certificate of its own. */
function fingerprint(description) {
  return /^a=fingerprint:\S+ (\S+)/m.exec(description?.sdp)?.[1];
}
