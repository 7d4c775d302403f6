// What the browser keeps of a person's choices; some browsers keep nothing for a page that was opened as a file.
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keep a value, or forget it if it is null. */
export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // then it holds until the page is closed
  }
}
