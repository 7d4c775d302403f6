// What stands below the board: the way through the game, and what one does in it.
import { useEffect, useRef } from "preact/hooks";
import { PASS } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { StepKey } from "../../parts/StepKey";
import type { Session } from "./session";

export function Toolbar({ session }: { session: Session }) {
  useStore(session);
  const { node, tree, mode, opponent } = session;
  const { thinking, paused } = opponent;
  const playing = mode === "play";
  const end = tree.nextOf(node) === null;
  return (
    <div class="toolbar">
      <div class="row" role="group" aria-label={t("bar.steps")}>
        <StepKey label="bar.first" icon="first" keys="Home" disabled={!node.parent} onClick={() => session.step(-100_000)} />
        <StepKey label="bar.back" icon="back" keys="←" disabled={!node.parent} onClick={() => session.step(-1)} />
        <output class="movenumber" aria-label={t("bar.number")}>{session.moves}</output>
        <StepKey label="bar.next" icon="next" keys="→" disabled={end} onClick={() => session.step(1)} />
        <StepKey label="bar.last" icon="last" keys="End" disabled={end} onClick={() => session.step(100_000)} />
      </div>
      <div class="row" role="group" aria-label={t("bar.moves")}>
        {opponent.playsBoth ? (
          <button class="primary" disabled={!playing} onClick={() => opponent.pause(!paused && thinking)}>
            {thinking ? t("bar.pause") : t("bar.goOn")}
          </button>
        ) : (
          <button class="primary" disabled={!playing || thinking} aria-keyshortcuts="Space" onClick={() => void opponent.ask()}>
            {thinking ? t("bar.thinking") : t("bar.network")}
          </button>
        )}
        <button disabled={!playing} aria-keyshortcuts="P" onClick={() => session.play(PASS)}>{t("board.pass")}</button>
        <button disabled={!session.canUndo} aria-keyshortcuts="U" onClick={() => session.undo()}>{t("bar.undo")}</button>
        <button disabled={!playing} onClick={() => session.resign()}>{t("bar.resign")}</button>
        <button aria-pressed={mode === "score"} onClick={() => (mode === "score" ? session.setMode("play") : void session.counting.begin())}>{t("bar.score")}</button>
      </div>
    </div>
  );
}

/** What is drawn on the board. */
export function Switches({ session }: { session: Session }) {
  useStore(session);
  const { settings } = session;
  const choice = (name: "hints" | "heat" | "ownership" | "numbers" | "next" | "compare", key: string) => (
    <button
      aria-pressed={settings[name]}
      aria-keyshortcuts={key}
      title={`${t(`switch.${name}`)} (${key})`}
      onClick={() => session.set({ [name]: !settings[name] })}
    >
      {t(`switch.${name}`)}
    </button>
  );
  return (
    <div class="row" role="group" aria-label={t("switch.title")}>
      {choice("hints", "H")}
      {choice("heat", "M")}
      {choice("ownership", "O")}
      {choice("numbers", "N")}
      {choice("next", "V")}
      {choice("compare", "B")}
    </div>
  );
}

/** The line below the board: whose turn it is, prisoners, and whatever there is to say. */
export function Status({ session }: { session: Session }) {
  useStore(session);
  const { position, side, notice, tree } = session;
  const { root } = tree;
  const result = root.props.RE?.[0];
  const names = [root.props.PB?.[0], root.props.PW?.[0]];
  const told = `${names[0] ?? "?"} – ${names[1] ?? "?"}${result ? ` · ${result}` : ""}`;
  return (
    <div class="status">
      <p>
        <span class={`turn ${side === 1 ? "black" : "white"}`} aria-hidden="true" />
        {t("status.turn", { side: t(side === 1 ? "colour.black" : "colour.white") })}
        <span class="soft"> · {t("status.taken", { black: position.captures.black, white: position.captures.white })}</span>
      </p>
      {(names[0] || names[1] || result) && (
        <p class="soft names clamped" title={told}>{told}</p>
      )}
      {notice && (
        <p class={notice.kind === "error" ? "error" : ""} role={notice.kind === "error" ? "alert" : "status"}>
          {notice.text} {notice.undo && <button class="small" onClick={notice.undo}>{t("tree.back")}</button>}
        </p>
      )}
    </div>
  );
}

/** Counting: the result as it stands, with stones to click that are dead. */
export function Scoring({ session }: { session: Session }) {
  useStore(session);
  const { counting, mode } = session;
  const card = useRef<HTMLElement>(null);
  // beside a board that stays in sight the page may be scrolled further down
  useEffect(() => {
    if (matchMedia("(min-width: 901px)").matches) card.current?.scrollIntoView({ block: "nearest" });
  }, [mode]);
  if (mode !== "score") return null;
  return (
    <section class="card" ref={card} aria-label={t("bar.score")}>
      {counting.score ? (
        <>
          <p class={counting.settled ? "result" : "result soft"}>{counting.score.result}</p>
          <p class="soft">{t("score.how")}</p>
        </>
      ) : (
        <p>{session.notice ? "" : t("score.counting")}</p>
      )}
      <div class="row">
        <button class="primary" disabled={!counting.settled} onClick={() => counting.accept()}>{t("score.accept")}</button>
        <button onClick={() => session.setMode("play")}>{t("score.leave")}</button>
      </div>
    </section>
  );
}
