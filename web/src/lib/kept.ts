// What the browser keeps of a person's choices; some browsers keep nothing for a page that was opened as a file, or nothing at all.

/** A value that was kept, null if none was; tab: for this tab alone. */
export function kept(name: string, tab = false): string | null {
  try {
    return (tab ? sessionStorage : localStorage).getItem(name);
  } catch {
    return null;
  }
}

/** Keep a value, or forget it if it is null; tab: for this tab alone, until it is closed. */
export function keep(name: string, value: string | null, tab = false): void {
  try {
    const storage = tab ? sessionStorage : localStorage;
    if (value === null) storage.removeItem(name);
    else storage.setItem(name, value);
  } catch {
    // not allowed, or too large: then it holds until the page is closed
  }
}
