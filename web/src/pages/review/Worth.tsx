// The moves worth a look, and all moves as a table.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { leadOf, named, percent } from "../board/numbers";
import { afterMove, lostBy } from "./content";
import { share, sideOf } from "./numbers";
import type { Reviewed } from "./reviewed";

interface RowProps {
  reviewed: Reviewed;
  /** The move, counted from 0. */
  k: number;
  children: ComponentChildren;
}

/** Go to a move, and to the board, where a phone has it out of sight. */
function show(reviewed: Reviewed, k: number): void {
  reviewed.go(k);
  document.querySelector(".reviewpage .board")?.scrollIntoView({ block: "nearest" });
}

function Row({ reviewed, k, children }: RowProps) {
  const move = reviewed.content.moves[k];
  return (
    <tr class={!reviewed.trying && reviewed.ply === k ? "pointed" : ""}>
      <th scope="row">
        <button class="plain" onClick={() => show(reviewed, k)}>
          {t("worth.move", { number: k + 1, side: sideOf(move.colour), move: named(move.index) })}
        </button>
      </th>
      {children}
    </tr>
  );
}

const pointsOf = (points: number | null) => points?.toFixed(2) ?? "–";

/** The least expected moves, and those that lost most. */
export function Worth({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { least, course, moves, visits } = reviewed.content;
  const scored = course?.lead != null;
  const lost = (scored ? course.costly : course?.drops) ?? [];
  return (
    <section class="card" aria-label={t("worth.title")}>
      <h2>{t("worth.title")}</h2>
      <div class="row">
        <button class="small" aria-keyshortcuts="ArrowUp" onClick={() => reviewed.look(-1)}>{t("worth.before")} (↑)</button>
        <button class="small" aria-keyshortcuts="ArrowDown" onClick={() => reviewed.look(1)}>{t("worth.next")} (↓)</button>
      </div>
      {course?.lost?.some((points) => points !== null) && (
        <p class="each">{t("worth.each", { black: pointsOf(course.lost[0]), white: pointsOf(course.lost[1]) })}</p>
      )}
      {course && visits === 0 && <p class="soft">{t("worth.glance")}</p>}
      <div class="pair">
        <table class="least">
          <caption>{t("worth.least")}</caption>
          <thead><tr><th scope="col">{t("candidates.move")}</th><th scope="col">{t("worth.expected")}</th><th scope="col">{t("worth.first")}</th></tr></thead>
          <tbody>
            {least.map((k) => (
              <Row key={k} reviewed={reviewed} k={k}>
                <td>{share(moves[k].p)}</td>
                <td>{named(moves[k].choices[0][0])} {share(moves[k].choices[0][1])}</td>
              </Row>
            ))}
          </tbody>
        </table>
        {course && (
          <table class="lost">
            <caption>{t(scored ? "worth.points" : "worth.chances")}</caption>
            <thead><tr><th scope="col">{t("candidates.move")}</th><th scope="col">{t("worth.loss")}</th><th scope="col">{t("worth.after")}</th>{visits > 0 && <th scope="col">{t("worth.better")}</th>}</tr></thead>
            <tbody>
              {lost.map(([k, loss]) => (
                <Row key={k} reviewed={reviewed} k={k}>
                  <td>{scored ? loss.toFixed(1) : `${percent(loss)} %`}</td>
                  <td>{scored ? leadOf(afterMove(course, k).lead!) : t("worth.black", { percent: percent(afterMove(course, k).win) })}</td>
                  {visits > 0 && <td>{named(moves[k].line![0])}</td>}
                </Row>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}

/** Every move: what was played, and what the network would have played. */
export function AllMoves({ reviewed }: { reviewed: Reviewed }) {
  const [open, setOpen] = useState(false);
  const { moves, course } = reviewed.content;
  return (
    <details class="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("all.title")}</summary>
      {open && (
        <div class="scrolled" tabIndex={0} role="group" aria-label={t("all.title")}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("candidates.move")}</th>
                <th scope="col">{t("worth.expected")}</th>
                <th scope="col">{t("all.rank")}</th>
                <th scope="col">{t("all.choices")}</th>
                {course && <th scope="col">{t("course.winrate")}</th>}
                {course?.lead && <th scope="col">{t("all.lost")}</th>}
              </tr>
            </thead>
            <tbody>
              {moves.map((move, k) => (
                <Row key={k} reviewed={reviewed} k={k}>
                  <td>{share(move.p)}</td>
                  <td>{move.rank}</td>
                  <td>{move.choices.slice(0, 3).map(([point, p]) => `${named(point)} ${share(p)}`).join(", ")}</td>
                  {course && <td>{percent(course.wins[k])}</td>}
                  {course?.lead && <td>{lostBy(course, move.colour, k).toFixed(1)}</td>}
                </Row>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** How often the network's first choice, or one of its first five, was played. */
export function Agreement({ reviewed }: { reviewed: Reviewed }) {
  const { agreement } = reviewed.content;
  return (
    <section class="card" aria-label={t("agreement.title")}>
      <h2>{t("agreement.title")}</h2>
      <table class="agreement">
        <thead>
          <tr>
            <th scope="col">{t("agreement.who")}</th>
            <th scope="col">{t("agreement.moves")}</th>
            <th scope="col">{t("agreement.first")}</th>
            <th scope="col">{t("agreement.five")}</th>
            <th scope="col">{t("agreement.likelihood")}</th>
          </tr>
        </thead>
        <tbody>
          {agreement.map((row) => (
            <tr key={row.side + row.phase} class={row.phase === "all" ? "sum" : ""}>
              <th scope="row">{t(`side.${row.side}`)}, {t(`phase.${row.phase}`)}</th>
              <td>{row.moves}</td>
              <td>{percent(row.top1)} %</td>
              <td>{percent(row.top5)} %</td>
              <td>{row.log_likelihood.toFixed(2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="soft">{t("agreement.about")}</p>
    </section>
  );
}
