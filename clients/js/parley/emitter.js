/** An EventTarget whose events carry one value, in `event.detail`. @module parley/emitter */
export class Emitter extends EventTarget {
  /**
   * Calls `listener` with the value of each event of this type.
   *
   * @param {string} type
   * @param {(detail: any) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void} stops it.
   */
  on(type, listener, options) {
    const handler = (event) => listener(event.detail);
    this.addEventListener(type, handler, options);
    return () => this.removeEventListener(type, handler, options);
  }

  /**
   * @param {string} type
   * @param {any} [detail]
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
