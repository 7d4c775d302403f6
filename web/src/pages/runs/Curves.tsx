// The curves of the runs that are looked at, over one another.
import { useMemo, useState } from "preact/hooks";
import { Graph, type Mark, type Series } from "../../parts/Graph";
import { useStore } from "../../lib/store";
import { t, type TextKey } from "../../lib/text";
import { figureText, isShare, numberText } from "./numbers";
import type { Report, Run, Runs } from "./runs";

type Axis = "step" | "samples" | "time";
const AXES: [Axis, TextKey][] = [["step", "curves.step"], ["samples", "curves.samples"], ["time", "curves.time"]];

/** Which share of a run, its end, is shown. */
const PARTS: [number, TextKey][] = [[1, "curves.whole"], [0.5, "curves.half"], [0.1, "curves.tenth"]];

const along: Record<Axis, (report: Report) => number> = {
  step: (report) => report.step,
  samples: (report) => report.samples,
  time: (report) => report.seconds / 60,
};

/** A line of one run: which of its reports, and what of them. */
interface Line {
  run: Run;
  kind: Report["kind"];
  value: (report: Report) => number | null;
}

interface Drawn {
  x: number[];
  series: Series[];
  marks: Mark[];
  last: string[];
}

interface View {
  axis: Axis;
  part: number;
  smooth: boolean;
}

/** Means over neighbours, as many as a hundredth of them on each side. */
function smoothed(values: [number, number][]): [number, number][] {
  const reach = Math.max(1, Math.round(values.length / 100));
  return values.map(([x], k) => {
    const near = values.slice(Math.max(0, k - reach), k + reach + 1);
    return [x, near.reduce((sum, [, y]) => sum + y, 0) / near.length];
  });
}

function draw(store: Runs, lines: Line[], { axis, part, smooth }: View, format: (value: number) => string, best?: (report: Report, run: Run) => number | null): Drawn {
  const places = new Map<number, (number | null)[]>();
  const series: Series[] = [];
  const marks: Mark[] = [];
  const last: string[] = [];
  const two = new Set(lines.map((line) => line.kind)).size > 1;
  const end = Math.max(0, ...lines.flatMap(({ run }) => store.reports.get(run.id)?.slice(-1) ?? []).map(along[axis]));
  const begin = part < 1 ? end * (1 - part) : -Infinity;
  lines.forEach(({ run, kind, value }, k) => {
    const colour = `--run-${store.colour(run.id) + 1}`;
    const reports = (store.reports.get(run.id) ?? []).filter((report) => report.kind === kind);
    let points = reports.map((report): [number, number | null] => [along[axis](report), value(report)]).filter((each): each is [number, number] => each[1] !== null);
    const latest = points[points.length - 1]?.[1];
    if (smooth && kind === "train") points = smoothed(points);
    for (const [x, y] of points) {
      if (x < begin) continue;
      if (!places.has(x)) places.set(x, Array<number | null>(lines.length).fill(null));
      places.get(x)![k] = y;
    }
    const label = two ? t(kind === "train" ? "curves.train" : "curves.valid", { name: run.name }) : run.name;
    series.push({ label, values: [], colour, width: kind === "train" ? 1.2 : 2, points: kind === "valid" });
    if (latest !== undefined) last.push(t("curves.last", { name: label, value: format(latest) }));
    if (kind === "valid" && run.best && best) {
      const y = best(run.best, run);
      const x = along[axis](run.best);
      if (y !== null && x >= begin) marks.push({ x, y, colour });
    }
  });
  const x = [...places.keys()].sort((a, b) => a - b);
  series.forEach((each, k) => (each.values = x.map((place) => places.get(place)![k])));
  return { x, series, marks, last };
}

/** Graphs that are looked at most. */
const HIGH = new Set(["train_loss", "valid_loss", "accuracy"]);

/** Graphs that begin at zero, and what they reach at least. */
const FROM_ZERO: Record<string, number> = { rate: 1e-6, speed: 1, share_waited: 0.01 };

/** What the axes of the others span at least: noise would else look like a curve, and three digits would not tell its numbers apart. */
const LEAST_LOSS = 0.1;
const LEAST_SHARE = 0.05;

/** The numbers from which to which the axis of a figure goes; nothing: what its values ask for. */
function rangeOf(figure: string, values: number[]): { y: [number, number] } | undefined {
  if (figure in FROM_ZERO) return { y: [0, Math.max(FROM_ZERO[figure], ...values.map((value) => value * 1.05))] };
  const least = figure.endsWith("loss") ? LEAST_LOSS : isShare(figure) ? LEAST_SHARE : 0;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const middle = (low + high) / 2;
  return high - low < least ? { y: [middle - least / 2, middle + least / 2] } : undefined;
}

const figure = (name: string) => (report: Report) => report.figures[name] ?? null;

export function Curves({ store }: { store: Runs }) {
  useStore(store);
  const [axis, setAxis] = useState<Axis>("step");
  const [part, setPart] = useState(1);
  const [smooth, setSmooth] = useState(false);
  const [more, setMore] = useState("");
  const shown = store.shown;
  const reports = shown.map((run) => store.reports.get(run.id));
  const others = [...new Set(shown.flatMap((run) => Object.keys(run.valid?.figures ?? {})))].filter((name) => name !== "loss" && !shown.every((run) => run.metric === name));
  const axisLabel = t(AXES.find(([name]) => name === axis)![1]);

  const graphs = useMemo(() => {
    const each = (kind: Report["kind"], value: (run: Run) => Line["value"]): Line[] => shown.map((run) => ({ run, kind, value: value(run) }));
    const metrics = new Set(shown.map((run) => run.metric));
    const metric = metrics.size === 1 ? [...metrics][0] : "";
    const found: { title: string; figure: string; lines: Line[]; best?: (report: Report, run: Run) => number | null }[] = [
      // an axis each: that of training is of all targets, with smoothing and mixing, that of validation of answers alone
      { title: t("curves.trainLoss"), figure: "train_loss", lines: each("train", () => figure("loss")) },
      { title: t("curves.validLoss"), figure: "valid_loss", lines: each("valid", () => figure("loss")), best: figure("loss") },
      {
        title: metric && metric !== "accuracy" ? `${t("curves.accuracy")} (${metric})` : t("curves.accuracy"),
        figure: "accuracy",
        lines: [...each("train", () => figure("accuracy")), ...each("valid", (run) => figure(run.metric))],
        best: (report, run) => figure(run.metric)(report),
      },
      { title: t("curves.rate"), figure: "rate", lines: each("train", (run) => (report) => (report.figures.rate_factor === undefined ? null : report.figures.rate_factor * (run.learning_rate ?? 1))) },
      { title: t("curves.speed"), figure: "speed", lines: each("train", () => figure("samples_per_second")) },
      { title: t("curves.waited"), figure: "share_waited", lines: each("train", () => figure("share_waited")) },
    ];
    if (more && others.includes(more)) found.push({ title: more, figure: more, lines: each("valid", () => figure(more)), best: figure(more) });
    return found.map((graph) => ({ ...graph, ...draw(store, graph.lines, { axis, part, smooth }, (value) => figureText(graph.figure, value), graph.best) }));
  }, [axis, part, smooth, more, ...shown, ...reports, shown.length]);

  // all graphs have one x-axis, so that they can be read below one another
  const places = graphs.flatMap(({ x }) => [x[0], x[x.length - 1]]).filter((x) => x !== undefined);
  const rangeX: [number, number] = [Math.min(...places), Math.max(...places)];

  return (
    <section class="card curves" aria-labelledby="curves-title">
      <div class="heading">
        <h2 id="curves-title">{t("curves.title")}</h2>
        <label class="field">
          <span>{t("curves.axis")}</span>
          <select value={axis} onChange={(event) => setAxis(event.currentTarget.value as Axis)}>
            {AXES.map(([name, text]) => <option key={name} value={name}>{t(text)}</option>)}
          </select>
        </label>
        <label class="field">
          <span>{t("curves.part")}</span>
          <select value={part} onChange={(event) => setPart(Number(event.currentTarget.value))}>
            {PARTS.map(([share, text]) => <option key={share} value={share}>{t(text)}</option>)}
          </select>
        </label>
        <label class="field">
          <span>{t("curves.more")}</span>
          <select value={more} onChange={(event) => setMore(event.currentTarget.value)}>
            <option value="">{t("curves.nothing")}</option>
            {others.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={smooth} onChange={(event) => setSmooth(event.currentTarget.checked)} /> {t("curves.smooth")}
        </label>
      </div>
      <p class="key">
        {shown.map((run) => (
          <span key={run.id} class="who"><span class="swatch" style={{ background: `var(--run-${store.colour(run.id) + 1})` }} />{run.name}</span>
        ))}
        <span class="soft">{t("curves.key")} {t("curves.losses")}</span>
      </p>
      <div class="graphs">
        {graphs.map(({ title, figure: name, x, series, marks, last }) => (
          <div key={name} class="curve" data-figure={name}>
            <h3>{title}</h3>
            {x.length === 0 ? (
              <p class="soft">{t("curves.empty")}</p>
            ) : (
              <Graph
                label={t("curves.label", { figure: title, axis: axisLabel, runs: last.join("; ") })}
                xLabel={axisLabel}
                x={x}
                series={series}
                marks={marks}
                noLegend
                height={HIGH.has(name) ? 240 : 170}
                rangeX={rangeX}
                wholeX={axis !== "time"}
                range={rangeOf(name, series.flatMap((each) => each.values).filter((value) => value !== null && value !== undefined))}
                formatX={numberText}
                format={(value) => figureText(name, value)}
              />
            )}
          </div>
        ))}
      </div>
    </section>
  );
}
