// What the record says of the game: who plays, for how much, and how it ended; all of it can be changed.
import { useEffect, useState } from "preact/hooks";
import { handicapOf, komiOf } from "../../lib/go";
import { useStore } from "../../lib/store";
import { called, t, type TextKey } from "../../lib/text";
import { Choice, Section } from "./Sections";
import type { Session } from "./session";

const FIELDS: [string, TextKey][] = [
  ["PB", "game.black"], ["BR", "game.blackRank"], ["PW", "game.white"], ["WR", "game.whiteRank"],
  ["RE", "game.result"], ["DT", "game.date"], ["EV", "game.event"], ["PC", "game.place"],
];

/** Whether a text is a komi, or none. */
function isKomi(text: string): boolean {
  const komi = Number(text.replace(",", "."));
  return Number.isInteger(komi * 2) && Math.abs(komi) <= 150;
}

export function GameSection({ session }: { session: Session }) {
  useStore(session);
  const { about } = session;
  const { root } = session.tree;
  const [typed, setTyped] = useState<string | null>(null);
  const set = (name: string, text: string) => session.edit(name, text.trim() ? [text] : [], root);

  useEffect(() => setTyped(null), [root]);
  const badKomi = typed !== null && !isKomi(typed);
  function setKomi(text: string) {
    setTyped(text);
    if (isKomi(text)) set("KM", text.trim().replace(",", "."));
  }

  return (
    <Section title="game.title">
      {FIELDS.map(([name, label]) => (
        <label class="field" key={`${root.id} ${name}`}>
          <span>{t(label)}</span>
          <input type="text" value={root.props[name]?.[0] ?? ""} onInput={(event) => set(name, event.currentTarget.value)} />
        </label>
      ))}
      <label class="field">
        <span>{t("new.komi")}</span>
        <input key={root.id} type="text" inputMode="decimal" placeholder={handicapOf(root) > 1 ? "0.5" : "6.5"} value={typed ?? komiOf(root) ?? ""} aria-invalid={badKomi} onInput={(event) => setKomi(event.currentTarget.value)} onBlur={() => badKomi || setTyped(null)} />
      </label>
      <Choice label="new.rules" value={session.rules} options={[...new Set([...(about?.rules ?? []), session.rules])].map((name) => [name, called(`rules.${name}`, name)] as const)} onChange={(rules) => set("RU", rules)} />
      {badKomi && <p class="error wide" role="alert">{t("new.badKomi")}</p>}
    </Section>
  );
}
