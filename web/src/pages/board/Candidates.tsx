// What the network says of the position, in numbers: who wins, and the moves it considers.
import type { Analyst } from "../../lib/analyst";
import { heat, strengthOf } from "../../lib/colours";
import { fromVertex } from "../../lib/coords";
import { PREPARING_AFTER, useLate } from "../../lib/late";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { leadOf, named, percent, short, tenths } from "./numbers";
import type { Session } from "./session";

/** Black's share of the winning chances as a bar, with the lead where the network says it. */
export function Verdict({ analyst }: { analyst: Analyst }) {
  useStore(analyst);
  const judgement = analyst.judgement();
  const waiting = judgement === null && analyst.asked && !analyst.error;
  const late = useLate(waiting, PREPARING_AFTER);
  const winrate = judgement?.winrate ?? null;
  const text =
    judgement === null
      ? waiting ? t(late ? "verdict.preparing" : "verdict.waiting") : "–"
      : winrate === null
        ? t("verdict.none")
        : t("verdict.text", { black: percent(winrate), white: percent(1 - winrate) }) + (judgement.lead === null ? "" : ` · ${leadOf(judgement.lead)}`);
  return (
    <div class="verdict">
      <div class="winbar" aria-hidden="true">
        <span style={{ width: `${(winrate ?? 0.5) * 100}%` }} />
      </div>
      <p>
        {analyst.lost ? <span class="error">{t("verdict.lost")}</span> : text}
        {!analyst.lost && judgement && judgement.visits > 0 && <span class="soft whole"> · {t("verdict.visits", { visits: short(judgement.visits) })}{analyst.report?.done ? "" : " …"}</span>}
      </p>
    </div>
  );
}

/** What the colours of the heat map mean. */
export function Legend() {
  return (
    <p class="legend">
      {t("legend.heat")}
      {[0.01, 0.05, 0.2, 0.5, 1].map((probability) => (
        <span key={probability}>
          <svg viewBox="0 0 1 1" aria-hidden="true">
            <rect width="1" height="1" class="wood" />
            <rect width="1" height="1" fill={heat(strengthOf(probability))} />
          </svg>
          {percent(probability)} %
        </span>
      ))}
    </p>
  );
}

/** session: what plays a move that is clicked. */
export function Candidates({ session, analyst, most = 8 }: { session: Pick<Session, "play">; analyst: Analyst; most?: number }) {
  useStore(analyst);
  const moves = analyst.candidates(most);
  const reads = moves.some((move) => move.winrate !== null);
  const scores = moves.some((move) => move.lead !== null);
  if (analyst.error) return <p class="error" role="alert">{analyst.error}</p>;
  return (
    <table class="candidates">
      <caption class="visually-hidden">{t("candidates.caption")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("candidates.move")}</th>
          <th scope="col">{t("candidates.probability")}</th>
          <th scope="col">{t("candidates.winrate")}</th>
          <th scope="col">{t("candidates.lead")}</th>
          <th scope="col">{t("candidates.visits")}</th>
        </tr>
      </thead>
      <tbody>
        {moves.map((each) => (
          <tr
            key={each.move}
            class={analyst.pointed === each.move ? "pointed" : ""}
            onMouseEnter={() => analyst.point(each.move)}
            onMouseLeave={() => analyst.point(null)}
          >
            <th scope="row">
              <button
                class="plain"
                onFocus={() => analyst.point(each.move)}
                onBlur={() => analyst.point(null)}
                onClick={() => session.play(fromVertex(each.move))}
                aria-label={t("candidates.play", { move: named(fromVertex(each.move)), line: each.line.slice(0, 6).map((move) => named(fromVertex(move))).join(" ") })}
              >
                {named(fromVertex(each.move))}
              </button>
            </th>
            <td>
              <span class="share" style={{ "--share": each.prior }}>{percent(each.prior)} %</span>
            </td>
            <td>{reads && each.winrate !== null ? `${(each.winrate * 100).toFixed(1)} %` : "–"}</td>
            <td>{scores && each.lead !== null ? tenths(each.lead) : "–"}</td>
            <td>{each.visits > 0 ? short(each.visits) : "–"}</td>
          </tr>
        ))}
        {Array.from({ length: Math.max(0, most - moves.length) }, (_, k) => (
          <tr key={`blank${k}`} aria-hidden="true"><th>&nbsp;</th><td /><td /><td /><td /></tr>
        ))}
      </tbody>
    </table>
  );
}
