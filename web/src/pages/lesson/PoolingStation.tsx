// Station 4: pooling costs the board.
import { useState } from "preact/hooks";
import { SmallBoard } from "../../parts/SmallBoard";
import { strengthOf } from "../../lib/colours";
import { POINTS, SIZE, fromVertex, toVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { Sideways } from "../../parts/Sideways";
import { t } from "../../lib/text";
import { useAnswer } from "./answers";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs, pointIn } from "./Exercise";
import { LessonBoard } from "./LessonBoard";
import { MergedView } from "./MergedView";
import type { LittleNetwork, Merging, PooledPosition } from "./messages";
import { named } from "../board/numbers";
import { percent, whole } from "./numbers";
import { lesson } from "./session";

const ALL: readonly Merging[] = ["none", "max", "min", "mean", "every-second"];

/** The network's first choice, and its probability. */
function firstOf(network: LittleNetwork): [number, number] {
  const best = network.policy.reduce((top, share, point) => (share > network.policy[top] ? point : top), 0);
  return [best, network.policy[best]];
}

function Heat({ network, stones }: { network: LittleNetwork; stones: ArrayLike<number> }) {
  const heat = Float32Array.from({ length: POINTS }, (_, point) => strengthOf(network.policy[point]));
  const [best, share] = firstOf(network);
  const told = t("pooling.first", { move: named(best), share: percent(share) });
  return (
    <figure>
      <figcaption>
        <strong>{t(`pooling.${network.merging}`)}</strong>
        <span>{told}</span>
      </figcaption>
      <SmallBoard stones={stones} heat={heat} rings={best === POINTS ? [] : [best]} label={`${t(`pooling.${network.merging}`)}: ${told}`} />
    </figure>
  );
}

function Accuracy({ networks }: { networks: readonly LittleNetwork[] }) {
  return (
    <Sideways class="wide-table" label={t("pooling.table")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("pooling.network")}</th>
            <th scope="col">{t("pooling.top1")}</th>
            <th scope="col">{t("pooling.interval")}</th>
            <th scope="col">{t("pooling.top5")}</th>
            <th scope="col">{t("pooling.samples")}</th>
          </tr>
        </thead>
        <tbody>
          {networks.map((each) => (
            <tr key={each.merging}>
              <th scope="row">{t(`pooling.${each.merging}`)}</th>
              <td>{percent(each.top1, 2)}</td>
              <td>{`${(each.low * 100).toFixed(1)}–${(each.high * 100).toFixed(1)}`}</td>
              <td>{percent(each.top5, 2)}</td>
              <td>{whole(each.samples)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Sideways>
  );
}

/** Points that fall into one with this one. */
function together(point: number): number[] {
  const [row, column] = [Math.floor(point / SIZE), point % SIZE];
  return [0, 1, 2, 3]
    .map((k) => [row - (row % 2) + (k >> 1), column - (column % 2) + (k & 1)])
    .filter(([r, c]) => r < SIZE && c < SIZE)
    .map(([r, c]) => r * SIZE + c);
}

/** The point of the exercise. */
const ASKED = fromVertex("Q16");

function Questions({ networks }: { networks: readonly LittleNetwork[] }) {
  const others = together(ASKED).filter((point) => point !== ASKED);
  const side = Math.ceil(SIZE / 2);
  const [none, max] = (["none", "max"] as const).map((merging) => networks.find((each) => each.merging === merging)!);
  const more = Math.round((none.top1 - max.top1) * 1000);
  return (
    <Exercises
      all={[
        {
          question: t("pooling.exercise1", { point: toVertex(ASKED) }),
          example: "K10",
          judge: pointIn(others),
          answer: others.map(toVertex).join(", "),
          why: t("pooling.why1", { points: SIZE * SIZE, side, merged: side * side }),
        },
        {
          question: t("pooling.exercise2"),
          example: "100",
          judge: numberIs(more, 1),
          answer: whole(more),
          why: t("pooling.why2", { none: percent(none.top1, 2), max: percent(max.top1, 2) }),
        },
      ]}
    />
  );
}

export default function PoolingStation() {
  useStore(lesson);
  const [merging, setMerging] = useState<Merging>("max");
  const { value, current, error } = useAnswer<PooledPosition>("/api/lesson/pooling", { position: lesson.message });
  const board = value?.boards.find((each) => each.merging === merging);
  const stones = lesson.position.stones;
  const positions = value?.networks[0].positions ?? 0;
  return (
    <>
      <p class="claim">{t("pooling.claim")}</p>
      <div class="station">
        <div class="left"><LessonBoard /></div>
        <div class="right">
          <section class="card" aria-labelledby="merged">
            <h2 id="merged">{t("pooling.seen")}</h2>
            <div class="row" role="group" aria-label={t("pooling.switch")}>
              {ALL.map((each) => <button key={each} aria-pressed={each === merging} onClick={() => setMerging(each)}>{t(`pooling.${each}`)}</button>)}
            </div>
            {error && <p class="error" role="alert">{error}</p>}
            {board && <MergedView board={board} stones={stones} />}
            <p>{t(`pooling.told.${merging}`)}</p>
          </section>
        </div>
      </div>
      {value && (
        <section class={current ? "card" : "card stale"} aria-labelledby="heats">
          <h2 id="heats">{t("pooling.heats")}</h2>
          <p>{t("pooling.heatsHint")}</p>
          <div class="heats">{value.networks.map((each) => <Heat key={each.merging} network={each} stones={stones} />)}</div>
          <h2>{t("pooling.accuracy")}</h2>
          <Accuracy networks={value.networks} />
          <p class="soft">{t("pooling.accuracyHint", { positions: whole(positions) })}</p>
        </section>
      )}
      <div class="two">
        {value && <Questions networks={value.networks} />}
        <CodeLinks links={[{ name: "merging", label: t("pooling.code1") }, { name: "pooling", label: t("pooling.code2") }]} />
      </div>
    </>
  );
}
