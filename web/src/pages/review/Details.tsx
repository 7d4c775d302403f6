// What is known of the place that is looked at: the move, the network's choices, who leads, the record's comment.
import { useMemo } from "preact/hooks";
import { Graph, type Series } from "../../parts/Graph";
import { useStore } from "../../lib/store";
import { called, t } from "../../lib/text";
import { movesOf } from "../../lib/tree";
import { Candidates, Verdict } from "../board/Candidates";
import { leadOf, named, percent } from "../board/numbers";
import { afterMove, lostBy, type Choice } from "./content";
import { kindOf, share, sideOf } from "./numbers";
import type { Reviewed } from "./reviewed";

/** The next move of the game, and what was expected instead; where something is tried out, what the network says of that. */
export function Details({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { content, ply, trying, analyst } = reviewed;
  const move = content.moves[ply];
  return (
    <section class="card place" aria-label={t("place.title")}>
      {trying ? <Tried reviewed={reviewed} /> : move ? <Played reviewed={reviewed} /> : <End reviewed={reviewed} />}
      {reviewed.notice && <p class="error" role="alert">{reviewed.notice}</p>}
      {!trying && (move || content.start) && <Choices reviewed={reviewed} choices={move?.choices ?? content.start!.choices} played={move?.index ?? -1} />}
      {reviewed.analysing && (
        <>
          <Verdict analyst={analyst!} />
          <Candidates session={reviewed} analyst={analyst!} most={6} />
        </>
      )}
      {!trying && <p class="soft">{t(analyst ? "place.try" : "place.tryAlone")}</p>}
    </section>
  );
}

function Played({ reviewed }: { reviewed: Reviewed }) {
  const { content, ply } = reviewed;
  const move = content.moves[ply];
  return (
    <>
      <h2>
        <i class={kindOf(move)} aria-hidden="true" />
        {t("worth.move", { number: ply + 1, side: sideOf(move.colour), move: named(move.index) })}
      </h2>
      <p class="verdictline">{t("place.expected", { percent: share(move.p), rank: move.rank, legal: move.legal })}</p>
      <Ahead reviewed={reviewed} />
      <Instead reviewed={reviewed} />
    </>
  );
}

/** What the search would have played, to be tried out as a whole. */
function Instead({ reviewed }: { reviewed: Reviewed }) {
  const { line, index } = reviewed.content.moves[reviewed.ply];
  if (!line || line[0] === index) return null;
  return (
    <p class="instead">
      {t("place.instead")}{" "}
      <button class="plain" title={t("place.tryLine")} onClick={() => line.forEach((point) => reviewed.play(point))}>{line.map(named).join(" ")}</button>
    </p>
  );
}

/** Who is ahead before the move and after it. */
function Ahead({ reviewed }: { reviewed: Reviewed }) {
  const { content, ply } = reviewed;
  const { course, moves } = content;
  if (!course) return null;
  const { win, lead: after } = afterMove(course, ply);
  const parts = [t("place.winrate", { before: percent(course.wins[ply]), after: percent(win) })];
  if (course.lead && after !== null) {
    const before = course.lead[ply];
    const lost = lostBy(course, moves[ply].colour, ply);
    parts.push(t("place.lead", { before: leadOf(before), after: leadOf(after) }));
    if (Math.abs(lost) >= 0.05) parts.push(t(lost > 0 ? "place.lost" : "place.won", { points: Math.abs(lost).toFixed(1) }));
  }
  return <p class="ahead">{parts.join(" · ")}</p>;
}

function End({ reviewed }: { reviewed: Reviewed }) {
  const { content } = reviewed;
  const { course, start } = content;
  const win = start ? start.win : course?.wins.at(-1);
  const lead = start ? start.lead : course?.lead?.at(-1);
  return (
    <>
      <h2>{start ? t("status.turn", { side: sideOf(start.colour) }) : t("place.end")}</h2>
      {win != null && <p class="ahead">{t("place.endWinrate", { percent: percent(win) })}{lead != null && ` · ${leadOf(lead)}`}</p>}
    </>
  );
}

function Tried({ reviewed }: { reviewed: Reviewed }) {
  const { tried, ply } = reviewed;
  const line = tried.map((node) => {
    const move = movesOf(node).at(-1)!;
    return `${t(move.colour === 1 ? "colour.black" : "colour.white")} ${named(move.point)}`;
  });
  return (
    <>
      <h2>{t("try.title", { number: ply + 1 })}</h2>
      <p class="tried">{line.join(" · ")}</p>
      <div class="row">
        <button class="small" aria-keyshortcuts="U" onClick={() => reviewed.takeBack()}>{t("try.back")} (U)</button>
        <button class="small primary" aria-keyshortcuts="Escape" onClick={() => reviewed.leave()}>{t("try.leave")} (Esc)</button>
      </div>
    </>
  );
}

/** The network's first choices; one that is clicked is tried out. */
function Choices({ reviewed, choices, played }: { reviewed: Reviewed; choices: readonly Choice[]; played: number }) {
  return (
    <table class="choices">
      <caption class="visually-hidden">{t("place.choices")}</caption>
      <thead><tr><th scope="col">{t("place.choices")}</th><th scope="col">{t("candidates.probability")}</th></tr></thead>
      <tbody>
        {choices.map(([point, p]) => (
          <tr key={point} class={point === played ? "pointed" : ""}>
            <th scope="row">
              <button class="plain" aria-label={t("place.play", { move: named(point) })} onClick={() => reviewed.play(point)}>{named(point)}</button>
              {point === played && <span class="soft"> {t("place.played")}</span>}
            </th>
            <td><span class="share" style={{ "--share": p }}>{share(p)}</span></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Who leads, from the first move to the end. */
export function Leads({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { content, ply } = reviewed;
  const { course } = content;
  const [x, series, range] = useMemo(() => {
    if (!course) return [[], [], {}];
    const most = Math.max(10, ...(course.lead ?? []).map(Math.abs));
    const lines: Series[] = [{ label: t("course.winrate"), values: course.wins.map((win) => 100 * win), colour: "--accent", fillTo: 50 }];
    if (course.lead) lines.push({ label: t("course.lead"), values: course.lead, colour: "--white-side", scale: "y2", dashed: true });
    return [course.wins.map((_, k) => k), lines, { y: [0, 100] as [number, number], y2: [-most, most] as [number, number] }];
  }, [course]);
  if (!course) return <section class="card"><p class="soft">{t("verdict.none")}</p></section>;
  const label = t("course.label", { move: ply, winrate: percent(course.wins[ply]), lead: course.lead ? leadOf(course.lead[ply]) : "" });
  const komi = t(content.komi_stated ? "leads.komi" : "leads.assumed", { komi: content.komi });
  const rules = t(content.rules_stated ? "leads.rules" : "leads.rulesAssumed", { rules: called(`rules.${content.rules_name}`, content.rules_name) });
  return (
    <section class="card" aria-label={t("course.title")}>
      <h2>{t("course.title")}</h2>
      <Graph
        label={label}
        xLabel={t("course.move")}
        x={x}
        wholeX
        series={series}
        at={ply}
        height={150}
        range={range}
        format={(value, scale) => (scale === "y" ? `${Math.round(value)} %` : leadOf(value))}
        onPick={(k) => reviewed.go(k)}
      />
      <p class="soft">{course.lead ? `${komi} ${rules}` : t("leads.noScore", { network: content.network })}</p>
    </section>
  );
}

/** The record's own comments: text, never markup. */
export function Comments({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { content, ply, trying } = reviewed;
  if (content.comments.length === 0) return null;
  const here = trying ? undefined : content.comments.find(([at]) => at === ply);
  return (
    <section class="card" aria-label={t("comments.title")}>
      <h2>{t("comments.title")}</h2>
      <p class="comment" aria-live="polite">{here ? here[1] : <span class="soft">{t("comments.none")}</span>}</p>
      <div class="row scrolledrow" role="group" aria-label={t("comments.all")}>
        {content.comments.map(([at]) => (
          <button key={at} class={at === ply && !trying ? "small chosen" : "small"} aria-label={t("comments.at", { move: at })} onClick={() => reviewed.go(at)}>
            {at}
          </button>
        ))}
      </div>
    </section>
  );
}
