// The board that the stations share: one plays on it, or points at it.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Board, type BoardProps } from "../../parts/Board";
import { POINTS, toVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { lesson } from "./session";

export interface LessonBoardProps {
  heat?: BoardProps["heat"];
  stale?: boolean;
  /** Called with a point where one chooses points; without it a click plays. */
  onChoose?: (point: number) => void;
  /** What a screen reader says of the point under the cursor, besides the stone there. */
  saidAt?: (point: number) => string;
  children?: ComponentChildren;
}

export function LessonBoard({ heat, stale, onChoose, saidAt, children }: LessonBoardProps) {
  useStore(lesson);
  const [playing, setPlaying] = useState(false);
  const [cursor, setCursor] = useState<number | null>(null);
  const id = useId();
  const { position, tree, refused } = lesson;
  const last = position.last && position.last.point < POINTS ? position.last.point : -1;
  const plays = playing || !onChoose;
  const colour = t(lesson.side === 1 ? "colour.black" : "colour.white");
  let here = "";
  if (cursor !== null) {
    const sign = position.stones[cursor];
    here = [toVertex(cursor), sign === 0 ? t("board.empty") : t(sign === 1 ? "colour.black" : "colour.white"), saidAt?.(cursor)].filter(Boolean).join(", ");
  }
  return (
    <section class="lessonboard" aria-label={t("page.board")}>
      <Board
        stones={position.stones}
        heat={heat}
        stale={stale}
        last={last}
        label={t("lesson.boardLabel", { move: position.moves, side: colour })}
        describedBy={id}
        onPoint={(point) => (plays ? lesson.play(point) : onChoose!(point))}
        onCursor={setCursor}
      >
        {children}
      </Board>
      <p class="visually-hidden" id={id}>{plays ? t("lesson.clickPlays", { side: colour }) : t("lesson.clickChooses")}</p>
      <p class="visually-hidden" aria-live="assertive">{here}</p>
      <div class="row">
        {onChoose && (
          <div class="row" role="group" aria-label={t("lesson.click")}>
            <button aria-pressed={!playing} onClick={() => setPlaying(false)}>{t("lesson.choose")}</button>
            <button aria-pressed={playing} onClick={() => setPlaying(true)}>{t("lesson.play")}</button>
          </div>
        )}
        <button disabled={!tree.at.parent} onClick={() => lesson.step(-1)}>{t("lesson.back")}</button>
        <button disabled={!tree.nextOf(tree.at)} onClick={() => lesson.step(1)}>{t("lesson.forth")}</button>
        <details class="more">
          <summary>{t("lesson.other")}</summary>
          <div class="row">
            <button onClick={() => void lesson.take()}>{t("lesson.take")}</button>
            <button onClick={() => lesson.restore()}>{t("lesson.sample")}</button>
            <button onClick={() => lesson.clear()}>{t("lesson.clear")}</button>
          </div>
        </details>
      </div>
      <p class="soft hint">{plays ? t("lesson.clickPlays", { side: colour }) : t("lesson.clickChooses")}</p>
      {refused && <p class="error" role="alert">{refused}</p>}
    </section>
  );
}
