// Who leads along the line that is looked at: a graph of what the network said at each move.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Graph, type Series } from "../../parts/Graph";
import { Analyst, type Judgement } from "../../lib/analyst";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import type { Node } from "../../lib/tree";
import { leadOf, percent } from "./numbers";
import type { Session } from "./session";

export function Course({ session }: { session: Session }) {
  useStore(session);
  useStore(session.first);
  const running = useRef<Analyst | null>(null);
  const [progress, setProgress] = useState<number | null>(null);
  const { tree, node, judgements } = session;
  const line = useMemo(() => tree.line(), [tree, tree.at, tree.version]);
  useEffect(() => stop, []);

  const known = line.map((each) => judgements.get(each) ?? null);
  const seen = known.filter((each) => each !== null);
  const scores = seen.some((each) => each.lead !== null);
  const most = Math.max(10, ...seen.map((each) => Math.abs(each.lead ?? 0)));
  const series: Series[] = [
    { label: t("course.winrate"), values: known.map((each) => (each?.winrate == null ? null : each.winrate * 100)), colour: "--accent", fillTo: 50, gaps: true },
  ];
  if (scores) series.push({ label: t("course.lead"), values: known.map((each) => each?.lead ?? null), colour: "--white-side", scale: "y2", dashed: true, gaps: true });
  const x = useMemo(() => line.map((_, k) => k), [line]);
  const here = known[line.indexOf(node)];
  const label = here?.winrate == null ? t("course.labelNone") : t("course.label", { move: session.moves, winrate: percent(here.winrate), lead: here.lead === null ? "" : leadOf(here.lead) });

  async function all() {
    if (running.current) return stop();
    let told: ((judgement: Judgement) => void) | null = null;
    const analyst = new Analyst((judgement) => told?.(judgement));
    running.current = analyst;
    setProgress(0);
    // an error counts as an answer: that position stays a gap
    const unsubscribe = analyst.subscribe(() => analyst.error && told?.({ winrate: null, lead: null, visits: 0 }));
    const missing = line.filter((each) => judgements.get(each)?.winrate == null);
    for (const [k, each] of missing.entries()) {
      const judgement = await new Promise<Judgement | null>((resolve) => {
        told = resolve;
        analyst.ask({ ...session.question(each, session.settings.model), visits: 0, ownership: false });
        setTimeout(() => resolve(null), 10_000);
      });
      // stopped; another game, with another komi; or asked with something else
      if (running.current !== analyst || session.tree !== tree || session.judgements !== judgements) break;
      if (judgement) keepBetter(judgements, each, judgement);
      if (k % 5 === 0) setProgress((k + 1) / missing.length);
    }
    unsubscribe();
    if (running.current === analyst) stop();
    session.changed();
  }

  function stop() {
    running.current?.close();
    running.current = null;
    setProgress(null);
  }

  return (
    <section class="card" aria-label={t("course.title")}>
      <Graph
        label={label}
        xLabel={t("course.move")}
        x={x}
        wholeX
        series={series}
        at={line.indexOf(node)}
        height={150}
        range={{ y: [0, 100], y2: [-most, most] }}
        format={(value, scale) => (scale === "y" ? `${Math.round(value)} %` : leadOf(value))}
        onPick={(index) => session.go(line[index])}
      />
      <div class="row">
        <button class="small" onClick={() => void all()}>{progress === null ? t("course.all") : t("course.stop")}</button>
        {progress !== null && <progress value={progress} aria-label={t("course.progress")} />}
      </div>
    </section>
  );
}

function keepBetter(judgements: WeakMap<Node, Judgement>, node: Node, judgement: Judgement): void {
  if ((judgements.get(node)?.visits ?? -1) < judgement.visits) judgements.set(node, judgement);
}
