// The sections beside the board: a new game, the network, set-up, files.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Drop } from "../../parts/Drop";
import { GAMES, holdsGames } from "../../lib/kinds";
import { hashOf } from "../../lib/link";
import { said } from "../../lib/said";
import { useStore } from "../../lib/store";
import { called, t, type TextKey } from "../../lib/text";
import { writeSgf } from "../../lib/tree";
import { PLAY_VISITS, TEMPERATURES, VISITS, usable } from "./settings";
import type { Game, NewGame } from "./records";
import type { Session, Tool } from "./session";
import { MARKS, setupNode, type Mark } from "./setup";

/** A choice from a list. */
export function Choice<T extends string | number>(props: { label: TextKey; value: T; options: readonly (readonly [T, string])[]; disabled?: boolean; onChange: (value: T) => void }) {
  return (
    <label class="field">
      <span>{t(props.label)}</span>
      <select
        value={String(props.value)}
        disabled={props.disabled}
        onChange={(event) => props.onChange(props.options[event.currentTarget.selectedIndex][0])}
      >
        {props.options.map(([value, text]) => <option key={String(value)} value={String(value)}>{text}</option>)}
      </select>
    </label>
  );
}

export function Section({ title, open, children }: { title: TextKey; open?: boolean; children: ComponentChildren }) {
  return (
    <details class="card section" open={open}>
      <summary>{t(title)}</summary>
      <div class="fields">{children}</div>
    </details>
  );
}

/** What a text means: a komi, null for none, undefined for what cannot be one. */
function komiIn(text: string): number | null | undefined {
  if (!text.trim()) return null;
  const komi = Number(text.replace(",", ".").replace("−", "-"));
  return Number.isInteger(komi * 2) && Math.abs(komi) <= 150 ? komi : undefined;
}

/** Komi, as a text: what is typed on the way to a number ("-", "7.") is none. usual: what counts where nothing stands there; without it something must. onKomi: null for nothing, undefined for what cannot be one. */
export function KomiField({ value, usual, onKomi }: { value: number | undefined; usual?: string; onKomi: (komi: number | null | undefined) => void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const meant = (text: string) => (text.trim() || usual !== undefined ? komiIn(text) : undefined);
  const bad = typed !== null && meant(typed) === undefined;
  const type = (text: string) => {
    setTyped(text);
    onKomi(meant(text));
  };
  return (
    <>
      <label class="field">
        <span>{t("new.komi")}</span>
        <input type="text" inputMode="decimal" placeholder={usual} value={typed ?? value ?? ""} aria-invalid={bad} onInput={(event) => type(event.currentTarget.value)} onBlur={() => bad || setTyped(null)} />
      </label>
      {bad && <p class="error wide" role="alert">{t("new.badKomi")}</p>}
    </>
  );
}

const visitsText = (visits: number) => (visits === 0 ? t("network.atOnce") : String(visits));
const who = () => [["you", t("player.you")], ["net", t("player.net")]] as const;

/** What a new game begins with. Whoever chooses a level mostly wants to find the moves alone, so that hides the hints unless they are asked for. */
export function NewGameSection({ session }: { session: Session }) {
  useStore(session);
  const { about, settings } = session;
  const [game, setGame] = useState<NewGame>({ handicap: 0, komi: 7.5, rules: "chinese", black: settings.black, white: settings.white === settings.black ? "net" : settings.white, level: settings.level, help: null });
  const change = (part: Partial<NewGame>) => setGame({ ...game, ...part });
  return (
    <Section title="new.title">
      <Choice label="new.black" value={game.black} options={who()} onChange={(black) => change({ black })} />
      <Choice label="new.white" value={game.white} options={who()} onChange={(white) => change({ white })} />
      <Choice label="network.level" value={game.level ?? ""} options={[["", t("network.noLevel")], ...(about?.levels ?? []).map((level) => [level, level] as const)]} onChange={(level) => change({ level: level || null, help: level ? false : null })} />
      <Choice label="new.help" value={(game.help ?? session.helped) ? 1 : 0} options={[[1, t("new.shown")], [0, t("new.hidden")]]} onChange={(help) => change({ help: help === 1 })} />
      <Choice label="new.handicap" value={game.handicap} options={[[0, t("new.even")], ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, String(n)] as const)]} onChange={(handicap) => change({ handicap, komi: handicap > 0 ? 0.5 : 7.5 })} />
      <KomiField key={game.handicap} value={game.komi} onKomi={(komi) => change({ komi: komi ?? undefined })} />
      <Choice label="new.rules" value={game.rules} options={(about?.rules ?? ["chinese"]).map((name) => [name, called(`rules.${name}`, name)] as const)} onChange={(rules) => change({ rules })} />
      <button class="primary wide" disabled={game.komi === undefined} onClick={() => session.records.start(game)}>{t("new.start")}</button>
    </Section>
  );
}

export function NetworkSection({ session }: { session: Session }) {
  useStore(session);
  const { about, settings, model } = session;
  const models = (about ? usable(about) : []).map((each) => [each.name, said(each.title)] as const);
  return (
    <Section title="network.title">
      <Choice label="network.model" value={model?.name ?? ""} options={models} onChange={(name) => session.set({ model: name })} />
      {settings.compare && <Choice label="network.other" value={session.otherModel?.name ?? ""} options={models} onChange={(name) => session.set({ other: name })} />}
      {settings.compare && models.length < 2 && <p class="soft wide">{t("network.onlyOne")}</p>}
      <Choice label="network.visits" value={settings.visits} options={VISITS.map((n) => [n, visitsText(n)] as const)} onChange={(visits) => session.set({ visits })} />
      <Choice label="network.symmetries" value={settings.symmetries} options={[[1, "1"], [8, t("network.eight")]]} onChange={(symmetries) => session.set({ symmetries })} />
      <Choice label="network.style" value={settings.style} options={(about?.styles ?? ["any"]).map((name) => [name, called(`style.${name}`, name)] as const)} onChange={(style) => session.set({ style })} />
      <h3 class="wide">{t("network.asPlayer")}</h3>
      <Choice label="new.black" value={settings.black} options={who()} onChange={(black) => session.set({ black })} />
      <Choice label="new.white" value={settings.white} options={who()} onChange={(white) => session.set({ white })} />
      <Choice label="network.level" value={settings.level ?? ""} options={[["", t("network.noLevel")], ...(about?.levels ?? []).map((level) => [level, level] as const)]} onChange={(level) => session.set({ level: level || null })} />
      <Choice label="network.playVisits" value={settings.playVisits} disabled={settings.level !== null} options={PLAY_VISITS.map((n) => [n, visitsText(n)] as const)} onChange={(playVisits) => session.set({ playVisits })} />
      <Choice label="network.temperature" value={settings.temperature} disabled={settings.level !== null} options={TEMPERATURES.map((n) => [n, n === 0 ? t("network.likeliest") : String(n)] as const)} onChange={(temperature) => session.set({ temperature })} />
      {about?.models.map((each) => each.error && <p key={each.name} class="error wide" role="alert">{said(each.error)}</p>)}
      {model && !model.has_score && <p class="soft wide">{t("network.noScore", { model: said(model.title) })}</p>}
      {model && !model.has_value && <p class="soft wide">{t("network.noValue", { model: said(model.title) })}</p>}
    </Section>
  );
}

const SIGNS: Record<Mark, string> = { TR: "△", SQ: "□", CR: "○", MA: "×", LB: "A" };

export function SetupSection({ session }: { session: Session }) {
  useStore(session);
  const on = session.mode === "setup";
  const tools: [Tool, TextKey][] = [[1, "setup.black"], [-1, "setup.white"], [0, "setup.erase"]];
  const choose = (tool: Tool) => {
    session.tool = tool;
    session.changed();
  };
  return (
    <Section title="setup.title" open={on}>
      <button class="wide" aria-pressed={on} onClick={() => session.setMode(on ? "play" : "setup")}>{t(on ? "setup.leave" : "setup.enter")}</button>
      {on && (
        <>
          <div class="row wide" role="group" aria-label={t("setup.tool")}>
            {tools.map(([tool, name]) => (
              <button key={tool} aria-pressed={session.tool === tool} onClick={() => choose(tool)}>{t(name)}</button>
            ))}
          </div>
          <div class="row wide" role="group" aria-label={t("setup.marks")}>
            {MARKS.map((mark) => (
              <button key={mark} aria-pressed={session.tool === mark} aria-label={t(`mark.${mark}`)} title={t(`mark.${mark}`)} onClick={() => choose(mark)}>{SIGNS[mark]}</button>
            ))}
            <span class="soft">{t("setup.marks")}</span>
          </div>
          <Choice
            label="setup.next"
            value={session.side}
            options={[[1, t("colour.black")], [-1, t("colour.white")]]}
            onChange={(side) => {
              const node = setupNode(session.tree);
              session.tree.go(node);
              session.edit("PL", [side === 1 ? "B" : "W"], node);
            }}
          />
        </>
      )}
    </Section>
  );
}

function titleOf(game: Game, index: number): string {
  const { PB, PW, GN, DT, RE } = game.nodes[0].props;
  const names = PB || PW ? `${PB?.[0] ?? "?"} – ${PW?.[0] ?? "?"}` : (GN?.[0] ?? "");
  return [`${index + 1}.`, names, DT?.[0], RE?.[0]].filter(Boolean).join(" ");
}

export function FileSection({ session }: { session: Session }) {
  useStore(session);
  const { records } = session;
  const [link, setLink] = useState("");

  function save() {
    const name = records.fileName.replace(/\.[^.]*$/, "") || "game";
    const url = URL.createObjectURL(new Blob([writeSgf(session.tree)], { type: "application/x-go-sgf" }));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = `${name}.sgf`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  async function share() {
    const hash = await hashOf(session.tree);
    history.replaceState(history.state, "", location.pathname + hash);
    setLink(location.href);
    try {
      await navigator.clipboard.writeText(location.href);
      session.say(t("file.linked"));
    } catch {
      // not allowed here: the link stands in its field to be copied
      session.say(t("file.linkBelow"));
    }
  }

  return (
    <Section title="file.title">
      <div class="wide">
        <Drop accept={GAMES.join(",")} hint={t("file.drop")} multiple wanted={holdsGames} textName="pasted.sgf" onFiles={(files) => records.openAll(files)} />
      </div>
      {records.games.length > 1 && (
        <label class="field wide">
          <span>{t("file.games", { count: records.games.length })}</span>
          <select size={Math.min(8, records.games.length)} onChange={(event) => records.choose(event.currentTarget.selectedIndex)}>
            {records.games.map((game, k) => <option key={k} selected={k === records.chosen}>{titleOf(game, k)}</option>)}
          </select>
        </label>
      )}
      <div class="row wide">
        <button onClick={save}>{t("file.save")}</button>
        <button onClick={() => void share()}>{t("file.link")}</button>
      </div>
      {link && (
        <label class="field wide">
          <span>{t("file.linkLabel")}</span>
          <input type="text" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </Section>
  );
}
