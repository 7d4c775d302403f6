// All runs: how far they are, and which are looked at.
import { useStore } from "../../lib/store";
import { said } from "../../lib/said";
import { t } from "../../lib/text";
import { clock, figureText, numberText } from "./numbers";
import { MOST, type Run, type Runs } from "./runs";

function stateOf(run: Run): string {
  if (run.running) return t("runs.running");
  return run.progress === null || run.progress >= 1 ? t("runs.ended") : t("runs.stopped");
}

function bestOf(run: Run): string {
  if (!run.best) return t("runs.noBest");
  const metric = run.metric || "loss";
  return t("runs.best", { metric, value: figureText(metric, run.best.figures[metric] ?? NaN), step: numberText(run.best.step) });
}

function Row({ store, run }: { store: Runs; run: Run }) {
  const on = store.chosen.includes(run.id);
  const share = run.progress === null ? null : Math.round(run.progress * 100);
  return (
    <li class={on ? "run on" : "run"} data-run={run.name}>
      <label>
        <input type="checkbox" checked={on} disabled={!on && store.chosen.length >= MOST} onChange={() => store.toggle(run.id)} aria-label={t("runs.show", { name: run.name })} />
        <span class="swatch" style={{ background: on ? `var(--run-${store.colour(run.id) + 1})` : "transparent" }} />
        <span class="name clamped" title={run.name}>{run.name}</span>
        <span class={run.running ? "state now" : "state"}>{stateOf(run)}{share !== null && (run.running || share < 100) && ` ${share} %`}</span>
      </label>
      {run.running && run.progress !== null && <progress value={run.progress} aria-label={t("runs.progress", { name: run.name })} />}
      <p class="soft">
        {[bestOf(run), t("runs.went", { step: numberText(run.step), time: clock(run.seconds) }), run.left !== null && t("runs.left", { time: clock(run.left) }), run.kind, run.program && t("runs.program", { version: run.program })].filter(Boolean).join(" · ")}
      </p>
      {run.unread > 0 && <p class="error">{t("runs.unread", { count: run.unread })}</p>}
    </li>
  );
}

export function RunList({ store }: { store: Runs }) {
  useStore(store);
  const runs = store.runs ?? [];
  return (
    <section class="card runlist" aria-labelledby="runs-title">
      <h2 id="runs-title">{t("runs.list")}</h2>
      <ul>{runs.map((run) => <Row key={run.id} store={store} run={run} />)}</ul>
      {store.chosen.length >= MOST && runs.length > MOST && <p class="soft">{t("runs.most", { count: MOST })}</p>}
      {store.full && <p class="soft">{t("runs.full")}</p>}
      {store.skipped.length > 0 && (
        <details>
          <summary>{t("runs.skipped", { count: store.skipped.length })}</summary>
          <ul class="skipped">
            {store.skipped.map(({ name, why }) => <li key={name}><strong>{name}</strong>{t("runs.why", { why: said(why) })}</li>)}
          </ul>
        </details>
      )}
    </section>
  );
}
