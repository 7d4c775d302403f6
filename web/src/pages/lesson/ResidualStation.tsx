// Station 6: residual.
import { useState } from "preact/hooks";
import { Graph } from "../../parts/Graph";
import { useStore } from "../../lib/store";
import { language, t } from "../../lib/text";
import { Sideways } from "../../parts/Sideways";
import { useAnswer } from "./answers";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs } from "./Exercise";
import { LessonBoard } from "./LessonBoard";
import { percent, short, whole } from "./numbers";
import { lesson } from "./session";

type Shortcuts = "none" | "identity" | "zero";

interface Gradients {
  positions: number;
  channels: number;
  parameters: number;
  networks: { shortcuts: Shortcuts; norms: number[]; loss: number }[];
}

interface Curve {
  shortcuts: Shortcuts;
  blocks: number;
  parameters: number;
  steps: number[];
  loss: number[];
  tested: number[];
  top1: number[];
  best: number;
  low: number;
  high: number;
}

interface Recorded {
  budget: string;
  batch: number;
  channels: number;
  positions: number;
  when: string;
  curves: Curve[];
}

const DEPTHS = [4, 8, 16, 32];
const COLOURS: Record<Shortcuts, string> = { none: "--white-side", identity: "--soft", zero: "--accent" };

/** 66,300 or 0.74: three digits that count. */
function times(value: number): string {
  const plain = Number(value.toPrecision(3));
  return plain >= 1000 ? whole(plain) : String(plain);
}

/** The same where there is little room: 169K. */
function briefly(value: number): string {
  return value < 10_000 ? times(value) : value.toLocaleString(language() === "zh" ? "zh-TW" : "en", { notation: "compact", maximumSignificantDigits: 3 });
}

function ratio({ norms }: { norms: number[] }): number {
  return norms[0] / norms[norms.length - 1];
}

function Norms({ found }: { found: Gradients }) {
  const blocks = found.networks[0].norms.length - 1;
  return (
    <>
      <Graph
        label={t("residual.graph", { blocks })}
        xLabel={t("residual.block")}
        x={found.networks[0].norms.map((_, k) => k + 1)}
        series={found.networks.map(({ shortcuts, norms }) => ({
          label: t(`residual.${shortcuts}`),
          values: norms.map((norm) => norm / norms[norms.length - 1]),
          colour: COLOURS[shortcuts],
          dashed: shortcuts === "none",
        }))}
        height={260}
        logarithmic
        wholeX
        format={briefly}
      />
      <table>
        <thead>
          <tr>
            <th scope="col">{t("residual.network")}</th>
            <th scope="col">{t("residual.ratio")}</th>
            <th scope="col">{t("residual.each")}</th>
          </tr>
        </thead>
        <tbody>
          {found.networks.map((each) => (
            <tr key={each.shortcuts}>
              <th scope="row">{t(`residual.${each.shortcuts}`)}</th>
              <td>{`${times(ratio(each))}×`}</td>
              <td>{`${short(ratio(each) ** (1 / blocks))}×`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Those that are trained begin by adding nothing, which need not be said each time. */
function nameOf({ blocks, shortcuts }: Curve): string {
  return t("residual.curve", { blocks, shortcuts: t(shortcuts === "none" ? "residual.none" : "residual.identity") });
}

/** Curves of networks over steps, on one axis: gaps where a network was not asked. */
function together(curves: Curve[], at: (curve: Curve) => number[], values: (curve: Curve) => number[]) {
  const x = [...new Set(curves.flatMap(at))].sort((a, b) => a - b);
  return {
    x,
    series: curves.map((curve) => {
      const found = new Map(at(curve).map((step, k) => [step, values(curve)[k]]));
      return {
        label: nameOf(curve),
        values: x.map((step) => found.get(step) ?? null),
        colour: curve.shortcuts === "none" ? "--white-side" : "--accent",
        dashed: curve.blocks === Math.min(...curves.map(({ blocks }) => blocks)),
      };
    }),
  };
}

function Trainings({ recorded }: { recorded: Recorded }) {
  const loss = together(recorded.curves, ({ steps }) => steps, (curve) => curve.loss);
  const right = together(recorded.curves, ({ tested }) => tested, ({ top1 }) => top1.map((share) => share * 100));
  return (
    <section class="card spaced" aria-labelledby="trainings">
      <h2 id="trainings">{t("residual.trainings")}</h2>
      <p>{t("residual.trainingsAbout", { budget: recorded.budget.replace(/\d+/, (count) => whole(Number(count))).replace("steps", t("residual.steps")).replace("minutes", t("residual.minutes")), batch: recorded.batch, channels: recorded.channels, positions: whole(recorded.positions), when: recorded.when })}</p>
      <div class="two even">
        <div>
          <h3>{t("residual.loss")}</h3>
          <Graph label={t("residual.loss")} xLabel={t("residual.step")} height={240} {...loss} />
        </div>
        <div>
          <h3>{t("residual.top1")}</h3>
          <Graph label={t("residual.top1")} xLabel={t("residual.step")} height={240} {...right} format={(value) => `${Number(value.toPrecision(3))} %`} />
        </div>
      </div>
      <Sideways class="wide-table" label={t("residual.trainings")}>
        <table>
          <thead>
            <tr>{(["network", "parameters", "lastLoss", "best", "interval"] as const).map((key) => <th scope="col" key={key}>{t(`residual.${key}`)}</th>)}</tr>
          </thead>
          <tbody>
            {recorded.curves.map((curve) => (
              <tr key={`${curve.blocks} ${curve.shortcuts}`}>
                <th scope="row">{nameOf(curve)}</th>
                <td>{whole(curve.parameters)}</td>
                <td>{curve.loss[curve.loss.length - 1].toFixed(2)}</td>
                <td>{percent(curve.best, 2)}</td>
                <td>{`${(curve.low * 100).toFixed(1)}–${(curve.high * 100).toFixed(1)}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Sideways>
      <p class="soft">{t("residual.trainingsHint")}</p>
    </section>
  );
}

export default function ResidualStation() {
  useStore(lesson);
  const [blocks, setBlocks] = useState(16);
  const { value, current, error } = useAnswer<Gradients>("/api/lesson/gradients", { position: lesson.message, blocks });
  const recorded = useAnswer<Recorded>("/api/lesson/residual");
  const plain = value?.networks.find(({ shortcuts }) => shortcuts === "none");
  const count = plain ? plain.norms.length - 1 : blocks;
  const growth = plain ? ratio(plain) ** (1 / count) : 1;
  const weights = 2 * 9 * (value?.channels ?? 16) ** 2;
  return (
    <>
      <p class="claim">{t("residual.claim")}</p>
      <div class="station">
        <div class="left"><LessonBoard /></div>
        <div class="right">
          <section class={value && !current ? "card stale" : "card"} aria-labelledby="norms">
            <h2 id="norms">{t("residual.title")}</h2>
            <div class="row" role="group" aria-label={t("residual.depth")}>
              <span class="soft">{t("residual.depth")}</span>
              {DEPTHS.map((each) => <button key={each} aria-pressed={each === blocks} onClick={() => setBlocks(each)}>{each}</button>)}
            </div>
            {error && <p class="error" role="alert">{error}</p>}
            {!value && !error && <p role="status">{t("residual.computing")}</p>}
            {value && (
              <>
                <p>{t("residual.about", { positions: value.positions, parameters: whole(value.parameters) })}</p>
                <Norms found={value} />
                <p role="status" class="said">{plain && t("residual.told", { blocks: count, ratio: times(ratio(plain)) })}</p>
                <p>{t("residual.flat")}</p>
                <p class="soft hint">{t("residual.hint")}</p>
              </>
            )}
          </section>
        </div>
      </div>
      {recorded.error && <p class="error" role="alert">{recorded.error}</p>}
      {recorded.value && <Trainings recorded={recorded.value} />}
      <div class="two">
        <Exercises
          all={[
            {
              question: t("residual.exercise1", { blocks: count, ratio: plain ? times(ratio(plain)) : "…" }),
              example: "1.5",
              judge: plain ? numberIs(growth, 0.02 * growth) : null,
              answer: short(growth),
              why: t("residual.why1", { blocks: count, growth: short(growth), ratio: plain ? times(ratio(plain)) : "…" }),
            },
            { question: t("residual.exercise2", { weights: whole(weights) }), example: "100", judge: numberIs(0), answer: "0", why: t("residual.why2") },
          ]}
        />
        <CodeLinks links={[{ name: "residual", label: t("residual.code1") }, { name: "depth", label: t("residual.code2") }]} />
      </div>
    </>
  );
}
