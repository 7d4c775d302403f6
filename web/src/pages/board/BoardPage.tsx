// Play and study on one board, or on two with two networks.
import { useEffect, useState } from "preact/hooks";
import { useStore } from "../../lib/store";
import { said } from "../../lib/said";
import { t } from "../../lib/text";
import { fromVertex, toVertex } from "../../lib/coords";
import { BoardView, StonesInWords } from "./BoardView";
import { Candidates, Legend, Verdict } from "./Candidates";
import { Course } from "./Course";
import { GameSection } from "./GameSection";
import { KeyList, isTyping, press } from "./Keys";
import { FileSection, NetworkSection, NewGameSection, SetupSection } from "./Sections";
import { Scoring, Status, Switches, Toolbar } from "./Toolbar";
import { Comment, Continuations, TreeView } from "./TreeView";
import { named, percent } from "./numbers";
import { session } from "./session";
import "./page.css";

let begun = false;

/** What a screen reader is told: the move played, and the network's first choice as soon as it is known. */
function Spoken({ cursor }: { cursor: number | null }) {
  useStore(session);
  const first = useStore(session.first);
  const best = session.settings.hints ? first.candidates(1)[0] : undefined;
  const choice = best ? t("board.saidChoice", { move: named(fromVertex(best.move)), probability: percent(best.prior) }) : "";
  let here = "";
  if (cursor !== null) {
    const sign = session.position.stones[cursor];
    const candidate = first.candidates().find((each) => fromVertex(each.move) === cursor);
    here = [toVertex(cursor), sign === 0 ? t("board.empty") : t(sign === 1 ? "colour.black" : "colour.white"), candidate ? `${percent(candidate.prior)} %` : ""].filter(Boolean).join(", ");
  }
  return (
    <>
      <p class="visually-hidden" role="status" aria-live="polite" id="said">{`${session.said} ${choice}`}</p>
      <p class="visually-hidden" aria-live="assertive">{here}</p>
    </>
  );
}

export default function BoardPage() {
  useStore(session);
  const [help, setHelp] = useState(false);
  const [cursor, setCursor] = useState<number | null>(null);
  const { settings, first, second, model, otherModel: other } = session;

  useEffect(() => {
    if (!begun) void session.begin();
    begun = true;
    const hash = () => void session.records.fromAddress();
    const key = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && !isTyping(event) && press(session, event, () => setHelp(true))) event.preventDefault();
    };
    addEventListener("hashchange", hash);
    addEventListener("keydown", key);
    return () => {
      removeEventListener("hashchange", hash);
      removeEventListener("keydown", key);
    };
  }, []);

  const sideName = t(session.side === 1 ? "colour.black" : "colour.white");
  const otherTitle = said(other?.title ?? "");
  const label = t("board.label", { moves: session.moves, side: sideName });
  return (
    <div class={settings.compare ? "boardpage two" : "boardpage"}>
      <h1 class="visually-hidden">{t("page.board")}</h1>
      <div class="boards">
        <section aria-label={said(model?.title ?? "") || t("page.board")}>
          {settings.compare && <h2>{said(model?.title ?? "")}</h2>}
          <BoardView session={session} analyst={first} label={label} describedBy="stones" onCursor={setCursor} />
          {settings.compare && <Verdict analyst={first} />}
        </section>
        {settings.compare && (
          <section aria-label={otherTitle}>
            <h2>{otherTitle}</h2>
            <BoardView session={session} analyst={second} label={`${otherTitle}: ${label}`} describedBy="stones" onCursor={setCursor} />
            <Verdict analyst={second} />
          </section>
        )}
        <div class="below">
          <Toolbar session={session} />
          <Status session={session} />
        </div>
      </div>
      <StonesInWords session={session} id="stones" />
      <Spoken cursor={cursor} />
      <div class="panel">
        <Scoring session={session} />
        <section class="card" aria-label={t("candidates.title")}>
          <Switches session={session} />
          {settings.heat && <Legend />}
          {!settings.compare && <Verdict analyst={first} />}
          {settings.hints && session.mode !== "score" && (
            <div class="tables">
              <Candidates session={session} analyst={first} most={settings.compare ? 6 : 8} />
              {settings.compare && <Candidates session={session} analyst={second} most={6} />}
            </div>
          )}
          {!settings.hints && first.error && <p class="error" role="alert">{first.error}</p>}
        </section>
        <Course session={session} />
        <section class="card" aria-label={t("tree.title")}>
          <TreeView session={session} />
          <Continuations session={session} />
          <div class="row">
            <button class="small" disabled={!session.node.parent} onClick={() => session.promote()}>{t("tree.promote")}</button>
            <button class="small" disabled={!session.node.parent} aria-keyshortcuts="Delete" onClick={() => session.remove()}>{t("tree.remove")}</button>
          </div>
          <Comment session={session} />
        </section>
        <GameSection session={session} />
        <NewGameSection session={session} />
        <NetworkSection session={session} />
        <SetupSection session={session} />
        <FileSection session={session} />
        <button class="helpkey" aria-keyshortcuts="?" onClick={() => setHelp(true)}>{t("keys.title")} (?)</button>
      </div>
      <KeyList open={help} onClose={() => setHelp(false)} />
    </div>
  );
}
