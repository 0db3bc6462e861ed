/**
 * Links in what people write.
 *
 * @module links
 */

/** An address, but for the punctuation that the sentence around it has put behind it. */
const address = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}]/g;

/**
 * What somebody has written, as text and as links that open elsewhere and tell nobody where they were followed from.
 *
 * @param {string} text
 * @returns {(string | HTMLAnchorElement)[]}
 */
export function withLinks(text) {
  const parts = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(address)) {
    if (!URL.canParse(found)) continue;
    const link = document.createElement("a");
    link.href = found;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    link.textContent = found;
    parts.push(text.slice(from, index), link);
    from = index + found.length;
  }
  parts.push(text.slice(from));
  return parts.filter((part) => part !== "");
}
