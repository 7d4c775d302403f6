// The keys, and a list of them.
import { useEffect, useRef } from "preact/hooks";
import { PASS } from "../../lib/coords";
import { t, type TextKey } from "../../lib/text";
import type { Session } from "./session";

const LIST: [string, TextKey][] = [
  ["← →", "keys.step"],
  ["↑ ↓", "keys.sibling"],
  ["Home End", "keys.ends"],
  ["Page ↑ ↓", "keys.ten"],
  ["Space", "keys.network"],
  ["P", "keys.pass"],
  ["U", "keys.undo"],
  ["H", "keys.hints"],
  ["M", "keys.heat"],
  ["O", "keys.ownership"],
  ["N", "keys.numbers"],
  ["V", "keys.next"],
  ["B", "keys.compare"],
  ["Delete", "keys.remove"],
  ["?", "keys.help"],
  ["Enter", "keys.cursor"],
];

export function KeyList({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="keys-title" onClick={(event) => event.target === dialog.current && onClose()}>
      <h2 id="keys-title">{t("keys.title")}</h2>
      <table>
        <tbody>
          {LIST.map(([key, text]) => (
            <tr key={key}>
              <th scope="row">{key.split(" ").map((each) => <kbd key={each}>{each}</kbd>)}</th>
              <td>{t(text)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="soft">{t("keys.board")}</p>
      <button class="primary" onClick={onClose}>{t("keys.close")}</button>
    </dialog>
  );
}

/** What a key does; whether it did anything. */
export function press(session: Session, event: KeyboardEvent, help: () => void): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { settings } = session;
  const jobs: Record<string, () => void> = {
    ArrowLeft: () => session.step(-1),
    ArrowRight: () => session.step(1),
    ArrowUp: () => session.sibling(-1),
    ArrowDown: () => session.sibling(1),
    Home: () => session.step(-100_000),
    End: () => session.step(100_000),
    PageUp: () => session.step(-10),
    PageDown: () => session.step(10),
    " ": () => void session.opponent.ask(),
    p: () => session.mode === "play" && session.play(PASS),
    u: () => session.undo(),
    h: () => session.set({ hints: !settings.hints }),
    m: () => session.set({ heat: !settings.heat }),
    o: () => session.set({ ownership: !settings.ownership }),
    n: () => session.set({ numbers: !settings.numbers }),
    v: () => session.set({ next: !settings.next }),
    b: () => session.set({ compare: !settings.compare }),
    Delete: () => session.remove(),
    "?": help,
  };
  const job = jobs[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!job) return false;
  job();
  return true;
}

/** Keys that a field needs itself do not reach the board. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as Element;
  if (target.closest("input, textarea, select, dialog, [contenteditable]")) return true;
  // what scrolls is scrolled by the keys that do so
  if (target.matches(".scrolled") && /^(Arrow|Page|Home|End| )/.test(event.key)) return true;
  // a focused button or summary is pressed by the space bar
  return event.key === " " && target.closest("button, summary, a") !== null;
}
