// What the record says of the game: who plays, for how much, and how it ended; all of it can be changed.
import { handicapOf, komiOf } from "../../lib/go";
import { useStore } from "../../lib/store";
import { called, t, type TextKey } from "../../lib/text";
import { Choice, KomiField, Section } from "./Sections";
import type { Session } from "./session";

const FIELDS: [string, TextKey][] = [
  ["PB", "game.black"], ["BR", "game.blackRank"], ["PW", "game.white"], ["WR", "game.whiteRank"],
  ["RE", "game.result"], ["DT", "game.date"], ["EV", "game.event"], ["PC", "game.place"],
];

export function GameSection({ session }: { session: Session }) {
  useStore(session);
  const { about } = session;
  const { root } = session.tree;
  const set = (name: string, text: string) => session.edit(name, text.trim() ? [text] : [], root);

  return (
    <Section title="game.title">
      {FIELDS.map(([name, label]) => (
        <label class="field" key={`${root.id} ${name}`}>
          <span>{t(label)}</span>
          <input type="text" value={root.props[name]?.[0] ?? ""} onInput={(event) => set(name, event.currentTarget.value)} />
        </label>
      ))}
      <KomiField key={root.id} value={komiOf(root)} usual={handicapOf(root) > 1 ? "0.5" : "6.5"} onKomi={(komi) => komi !== undefined && set("KM", String(komi ?? ""))} />
      <Choice label="new.rules" value={session.rules} options={[...new Set([...(about?.rules ?? []), session.rules])].map((name) => [name, called(`rules.${name}`, name)] as const)} onChange={(rules) => set("RU", rules)} />
    </Section>
  );
}
