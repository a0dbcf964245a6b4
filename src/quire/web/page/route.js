// A link to every view: #/map?colour=type&at=0x7f3c80a10000. What a view shows is in the address, so Back works.

/** @typedef {{ view: string, options: URLSearchParams }} Route */

/** @returns {Route} */
export function currentRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { view: (path || "").split("/")[0] || "", options: new URLSearchParams(query || "") };
}

/**
 * The address of a view.
 * @param {string} view
 * @param {Record<string, string | null | undefined>} [options] null and empty ones are left out
 */
export function link(view, options = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) if (value) query.set(name, value);
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

/**
 * Keep what the view shows in the address, without a new entry in the history.
 * @param {Record<string, string | null>} changes
 */
export function remember(changes) {
  const { view, options } = currentRoute();
  const all = { ...Object.fromEntries(options), ...changes };
  history.replaceState(null, "", link(view, all));
}
