// One reviewed game: the board to step through, and all that the network says of the game.
import type { Marker } from "@sabaki/shudan";
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Board, type Candidate } from "../../parts/Board";
import { StepKey } from "../../parts/StepKey";
import { strengthOf } from "../../lib/colours";
import { POINTS } from "../../lib/coords";
import { said } from "../../lib/said";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { movesOf } from "../../lib/tree";
import { drawn } from "../board/BoardView";
import { isTyping } from "../board/Keys";
import { named, percent } from "../board/numbers";
import { Comments, Details, Leads } from "./Details";
import { AllMoves, Agreement, Worth } from "./Worth";
import { Strip } from "./Strip";
import type { Choice } from "./content";
import type { Reviewed } from "./reviewed";
import "../board/page.css";
import "./review.css";

export interface ReviewViewProps {
  reviewed: Reviewed;
  /** What can be done with the game, such as saving it. */
  actions?: ComponentChildren;
}

export function ReviewView({ reviewed, actions }: ReviewViewProps) {
  const { content } = reviewed;
  const { black, white, result, name, moves, trouble, network, visits } = content;
  // at once, since keys may come as soon as the game is seen
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && !isTyping(event) && press(reviewed, event)) event.preventDefault();
    };
    addEventListener("keydown", key);
    reviewed.resume();
    return () => {
      removeEventListener("keydown", key);
      reviewed.close();
    };
  }, [reviewed]);
  return (
    <div class="reviewpage">
      <section class="summary" aria-label={t("review.game")}>
        <h1>
          <span class="turn black" aria-hidden="true" />{t("review.player", { name: black || "?", side: t("colour.black") })}
          <span class="soft"> – </span>
          <span class="turn white" aria-hidden="true" />{t("review.player", { name: white || "?", side: t("colour.white") })}
        </h1>
        <p class="soft">{[name, t("review.moves", { moves: moves.length }), result, network && t(visits ? "review.searched" : "review.by", { network, visits })].filter(Boolean).join(" · ")}</p>
        {trouble && <p class="error">{t("review.early", { trouble: said(trouble) })}</p>}
        {actions}
      </section>
      <div class="boards">
        <ReviewBoard reviewed={reviewed} />
        <Steps reviewed={reviewed} />
      </div>
      <div class="panel">
        <Details reviewed={reviewed} />
        {moves.length > 0 && (
          <>
            <section class="card" aria-label={t("strip.title")}>
              <h2>{t("strip.title")}</h2>
              <Strip reviewed={reviewed} />
            </section>
            <Leads reviewed={reviewed} />
            <Worth reviewed={reviewed} />
          </>
        )}
        <Comments reviewed={reviewed} />
        {moves.length > 0 && (
          <>
            <Agreement reviewed={reviewed} />
            <AllMoves reviewed={reviewed} />
          </>
        )}
      </div>
    </div>
  );
}

/** The first choices with their percentages; `preferred` has the ring, and a star where it is none of them. */
function chosen(choices: readonly Choice[], preferred = choices[0]?.[0]): Candidate[] {
  const shown = choices
    .filter(([point, p], k) => point < POINTS && (k === 0 || p >= 0.005))
    .map(([point, p]) => ({ point, texts: [percent(p)], strength: strengthOf(p), first: point === preferred }));
  if (preferred === undefined || preferred >= POINTS || shown.some(({ first }) => first)) return shown;
  return [...shown, { point: preferred, texts: ["★"], strength: 1, first: true }];
}

function ReviewBoard({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { analyst, analysing, choices, content, ply, position, trying, tried } = reviewed;
  // the network's answers draw the board anew as well
  useStore(analyst ?? reviewed);
  const next = trying ? undefined : content.moves[ply];
  const candidates = useMemo(() => {
    if (!choices) return undefined;
    if (analysing) return drawn(analyst!.candidates(9));
    return trying ? undefined : chosen(next?.choices ?? content.start?.choices ?? [], next?.line?.[0]);
  }, [choices, analysing, trying, next, analyst?.report, analyst?.policy, analyst?.current]);
  // the stones that are tried out carry their numbers
  const marks = useMemo(() => {
    const found = new Map<number, Marker>();
    tried.forEach((node, k) => {
      const point = movesOf(node).at(-1)?.point ?? POINTS;
      if (point < POINTS && position.stones[point] !== 0) found.set(point, { type: "label", label: String(k + 1) });
    });
    return found;
  }, [reviewed.node]);
  const { last } = position;
  const side = t(reviewed.side === 1 ? "colour.black" : "colour.white");
  const words = (sign: number) => [...position.stones.keys()].filter((point) => position.stones[point] === sign).map(named).join(" ") || "–";
  return (
    <section aria-label={t("page.board")}>
      <Board
        stones={position.stones}
        heat={choices && analysing ? analyst!.heat : null}
        emptyOnly
        stale={analysing && !analyst!.current}
        candidates={candidates}
        marks={marks}
        last={!trying && last && last.point < POINTS ? last.point : -1}
        label={t("board.label", { moves: position.moves, side })}
        describedBy="stones"
        next={next && next.index < POINTS ? [next.index] : undefined}
        onPoint={(point) => reviewed.play(point)}
      />
      <p class="visually-hidden" id="stones">{t("board.stones", { black: words(1), white: words(-1) })}</p>
      <p class="visually-hidden" role="status" aria-live="polite" id="said">{reviewed.said}</p>
    </section>
  );
}

function Steps({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { content, ply, trying, analyst } = reviewed;
  const end = content.moves.length;
  const last = trying ? reviewed.game.tree.nextOf(reviewed.node) === null : ply === end;
  return (
    <div class="below">
      {end > 0 && (
        <div class="row steps" role="group" aria-label={t("bar.steps")}>
          <StepKey label="bar.first" icon="first" keys="Home" disabled={ply === 0 && !trying} onClick={() => reviewed.go(0)} />
          <StepKey label="bar.back" icon="back" keys="←" disabled={ply === 0 && !trying} onClick={() => reviewed.step(-1)} />
          <output class="movenumber" aria-label={t("bar.number")}>{reviewed.position.moves}</output>
          <input type="range" min={0} max={end} value={ply} aria-label={t("bar.number")} onInput={(event) => reviewed.go(Number(event.currentTarget.value))} />
          <StepKey label="bar.next" icon="next" keys="→" disabled={last} onClick={() => reviewed.step(1)} />
          <StepKey label="bar.last" icon="last" keys="End" disabled={last} onClick={() => reviewed.go(end)} />
        </div>
      )}
      <div class="row" role="group" aria-label={t("switch.title")}>
        <button aria-pressed={reviewed.choices} aria-keyshortcuts="H" title={`${t("steps.choices")} (H)`} onClick={() => reviewed.set({ choices: !reviewed.choices })}>{t("steps.choices")}</button>
        {analyst && (
          <button aria-pressed={reviewed.live} aria-keyshortcuts="A" title={`${t("steps.live")} (A)`} onClick={() => reviewed.set({ live: !reviewed.live })}>{t("steps.live")}</button>
        )}
      </div>
    </div>
  );
}

/** What a key does; whether it did anything. */
function press(reviewed: Reviewed, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const jobs: Record<string, () => void> = {
    ArrowLeft: () => reviewed.step(-1),
    ArrowRight: () => reviewed.step(1),
    ArrowUp: () => reviewed.look(-1),
    ArrowDown: () => reviewed.look(1),
    PageUp: () => reviewed.step(-10),
    PageDown: () => reviewed.step(10),
    Home: () => reviewed.go(0),
    End: () => reviewed.go(reviewed.content.moves.length),
    Escape: () => reviewed.leave(),
    u: () => reviewed.takeBack(),
    h: () => reviewed.set({ choices: !reviewed.choices }),
    a: () => reviewed.analyst && reviewed.set({ live: !reviewed.live }),
  };
  const job = jobs[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!job) return false;
  job();
  return true;
}
