// Addresses of the page: plain paths, changed without loading anew.
const listeners = new Set<() => void>();

/** The path shown now, for example `/lesson/2`. */
export function here(): string {
  return location.pathname;
}

/** Show another path; the part after `#` goes along if it is given. */
export function go(path: string): void {
  history.pushState(null, "", path);
  listeners.forEach((listener) => listener());
}

/** Be told whenever another path is shown; returns how to stop that. */
export function onMove(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}
