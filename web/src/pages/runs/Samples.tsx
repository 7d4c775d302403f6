// What the networks said of a handful of samples at their last validation.
import { MiniBoard } from "../../parts/MiniBoard";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import type { PictureSample, PositionSample, Run, Runs, Whole } from "./runs";

const percent = (share: number | null) => (share === null ? "–" : (share * 100).toFixed(share < 0.0995 ? 1 : 0));

function Position({ sample }: { sample: PositionSample }) {
  const best = sample.moves[0];
  const side = t(sample.to_play === "b" ? "colour.black" : "colour.white");
  const moveText = (move: string | null | undefined) => (move === "pass" ? t("board.pass") : (move ?? "–"));
  const hit = best?.move === sample.played;
  return (
    <figure class="sample">
      <MiniBoard
        label={t("samples.board", { side, played: moveText(sample.played), best: moveText(best?.move), share: percent(best?.probability ?? null) })}
        black={sample.black}
        white={sample.white}
        last={sample.last}
        moves={sample.moves}
        ringed={sample.played}
      />
      <figcaption>
        <span class={`turn ${sample.to_play === "b" ? "black" : "white"}`} />
        {[t("samples.played", { move: moveText(sample.played), share: percent(sample.probability) }), hit ? t("samples.hit") : best && t("samples.first", { move: moveText(best.move), share: percent(best.probability) }), sample.winrate !== null && t("samples.winrate", { share: percent(sample.winrate) })].filter(Boolean).join(" · ")}
      </figcaption>
    </figure>
  );
}

function Picture({ sample }: { sample: PictureSample }) {
  const right = sample.answers[0]?.label === sample.label;
  return (
    <figure class="sample photo">
      <img src={sample.picture} alt={t("samples.picture", { label: sample.label })} title={sample.name} />
      <figcaption>
        <strong>{sample.label}</strong> <span class={right ? "verdictmark right" : "verdictmark wrong"}>{right ? `✓ ${t("samples.right")}` : `✗ ${t("samples.wrong")}`}</span>
        <ul>
          {sample.answers.map(({ label, probability }) => (
            <li key={label}>
              <span class={label === sample.label ? "bar true" : "bar"} style={{ "--share": probability }}>{label}</span> {percent(probability)} %
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

function OfRun({ run, whole, several }: { run: Run; whole: Whole; several: boolean }) {
  const samples = whole.samples;
  if (!samples) return null;
  return (
    <details open={!several}>
      <summary>{t("samples.step", { name: run.name, step: samples.step })}</summary>
      {samples.positions.length > 0 && <p class="soft">{t("samples.legend")}</p>}
      <div class={samples.pictures.length > 0 ? "sampled photos" : "sampled"}>
        {samples.positions.map((sample, k) => <Position key={k} sample={sample} />)}
        {samples.pictures.map((sample, k) => <Picture key={k} sample={sample} />)}
      </div>
    </details>
  );
}

export function Samples({ store }: { store: Runs }) {
  useStore(store);
  const known = store.shown.map((run): [Run, Whole | undefined] => [run, store.wholes.get(run.id)]).filter((each): each is [Run, Whole] => each[1] !== undefined);
  if (known.length === 0) return null;
  const without = known.filter(([, whole]) => !whole.samples).map(([run]) => run.name);
  return (
    <section class="card" aria-labelledby="samples-title">
      <h2 id="samples-title">{t("samples.title")}</h2>
      {without.length > 0 && <p class="soft">{t("samples.none", { name: without.join(", ") })}</p>}
      {known.map(([run, whole]) => <OfRun key={run.id} run={run} whole={whole} several={known.length > without.length + 1} />)}
    </section>
  );
}
