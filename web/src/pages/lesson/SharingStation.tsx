// Station 3: shared weights go along with the picture, own ones do not.
import { useState } from "preact/hooks";
import { MapScale, MapSheet } from "../../parts/Maps";
import { SmallBoard } from "../../parts/SmallBoard";
import { SIZE, toVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { useAnswer } from "./answers";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs, pointIn } from "./Exercise";
import { LessonBoard } from "./LessonBoard";
import type { Moved, MovedMap, NetworkInside } from "./messages";
import { LayerSlider, NetworkChoice, WithNetwork } from "./Network";
import { short, whole } from "./numbers";
import { lesson } from "./session";

interface Movement {
  right: number;
  up: number;
  turns: number;
}

const STILL: Movement = { right: 0, up: 0, turns: 0 };
const FARTHEST = 9;

function Pad({ movement, onMove }: { movement: Movement; onMove: (movement: Movement) => void }) {
  const { right, up, turns } = movement;
  const by = (x: number, y: number) => () => onMove({ ...movement, right: right + x, up: up + y });
  return (
    <div class="row pad" role="group" aria-label={t("sharing.move")}>
      <button aria-label={t("sharing.left")} title={t("sharing.left")} disabled={right <= -FARTHEST} onClick={by(-1, 0)}>←</button>
      <button aria-label={t("sharing.right")} title={t("sharing.right")} disabled={right >= FARTHEST} onClick={by(1, 0)}>→</button>
      <button aria-label={t("sharing.up")} title={t("sharing.up")} disabled={up >= FARTHEST} onClick={by(0, 1)}>↑</button>
      <button aria-label={t("sharing.down")} title={t("sharing.down")} disabled={up <= -FARTHEST} onClick={by(0, -1)}>↓</button>
      <button onClick={() => onMove({ ...movement, turns: (turns + 1) % 4 })}>{t("sharing.turn")}</button>
      <button disabled={right === 0 && up === 0 && turns === 0} onClick={() => onMove(STILL)}>{t("sharing.reset")}</button>
    </div>
  );
}

function described({ right, up, turns }: Movement): string {
  const parts = [];
  if (turns) parts.push(t("sharing.saidTurn", { degrees: turns * 90 }));
  if (right) parts.push(t(right > 0 ? "sharing.saidRight" : "sharing.saidLeft", { count: Math.abs(right) }));
  if (up) parts.push(t(up > 0 ? "sharing.saidUp" : "sharing.saidDown", { count: Math.abs(up) }));
  return parts.join(t("sharing.and")) || t("sharing.saidStill");
}

function Comparison({ id, title, told, moved, stale }: { id: string; title: string; told: string; moved: MovedMap; stale: boolean }) {
  const most = Math.max(1e-9, ...[moved.before, moved.expected, moved.after].flatMap((map) => map.map(Math.abs)));
  const apart = moved.after.map((value, k) => Math.abs(value - moved.expected[k]));
  const some = moved.difference !== null;
  return (
    <section class={stale ? "card followed stale" : "card followed"} aria-labelledby={id} data-difference={moved.difference ?? ""}>
      <h2 id={id}>{title}</h2>
      <div class="fourmaps">
        <figure><MapSheet values={moved.before} most={most} label={t("sharing.before")} /><figcaption>{t("sharing.before")}</figcaption></figure>
        <figure><MapSheet values={moved.expected} most={most} label={t("sharing.expected")} /><figcaption>{t("sharing.expected")}</figcaption></figure>
        <figure><MapSheet values={moved.after} most={most} label={t("sharing.after")} /><figcaption>{t("sharing.after")}</figcaption></figure>
        <figure><MapSheet values={apart} most={most} only={some ? moved.compared : undefined} label={t("sharing.apart")} /><figcaption>{t("sharing.apart")}</figcaption></figure>
      </div>
      <MapScale low={short(-most)} high={short(most)} />
      <table>
        <tbody>
          <tr><th scope="row">{t("sharing.difference")}</th><td><output>{some ? short(moved.difference!) : t("sharing.noPoints")}</output></td></tr>
          <tr><th scope="row">{t("sharing.overall")}</th><td>{short(moved.overall)}</td></tr>
          <tr><th scope="row">{t("sharing.largest")}</th><td>{short(moved.largest)}</td></tr>
          <tr><th scope="row">{t("sharing.weights")}</th><td>{whole(moved.weights)}</td></tr>
        </tbody>
      </table>
      <p>{told}</p>
    </section>
  );
}

function tellShared(moved: MovedMap, layer: { sees_all: boolean }, movement: Movement): string {
  if (movement.turns) return t("sharing.toldTurned");
  if (moved.difference === null) return t("sharing.toldNoPoints");
  if (layer.sees_all) return t("sharing.toldAll");
  return t("sharing.toldShared");
}

function Station({ network }: { network: NetworkInside }) {
  useStore(lesson);
  const [layer, setLayer] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [movement, setMovement] = useState<Movement>({ right: 2, up: 1, turns: 0 });
  const number = Math.min(layer, network.layers.length - 1);
  const outputs = network.layers[number].outputs;
  const map = Math.min(chosen, outputs - 1);
  const { value, current, error } = useAnswer<Moved>("/api/lesson/shift", { position: lesson.message, layer: number, map, model: lesson.model, ...movement });
  return (
    <div class="station">
      <div class="left">
        <LessonBoard />
        {value && (
          <section class="card" aria-labelledby="movedboard">
            <h2 id="movedboard">{t("sharing.moved")}</h2>
            <SmallBoard stones={value.stones} label={described(movement)} />
          </section>
        )}
      </div>
      <div class="right">
        <section class="card">
          <NetworkChoice />
          <Pad movement={movement} onMove={setMovement} />
          <p role="status" class="said">{described(movement)}</p>
          <LayerSlider network={network} layer={number} onLayer={setLayer} />
          <label class="slider">
            <span>{t("sharing.map", { map, count: outputs })}</span>
            <input type="range" min={0} max={outputs - 1} value={map} onInput={(event) => setChosen(Number(event.currentTarget.value))} />
          </label>
          {error && <p class="error" role="alert">{error}</p>}
        </section>
        {value && (
          <>
            <Comparison id="shared" title={t("sharing.shared", { map })} told={tellShared(value.shared, network.layers[number], movement)} moved={value.shared} stale={!current} />
            <Comparison id="own" title={t("sharing.own", { map: value.own.map })} told={t("sharing.toldOwn", { points: SIZE * SIZE })} moved={value.own} stale={!current} />
          </>
        )}
        <Questions network={network} />
        <CodeLinks links={[{ name: "shifting", label: t("sharing.code1") }, { name: "own", label: t("sharing.code2") }]} />
      </div>
    </div>
  );
}

const ASKED: Movement = { right: 2, up: -1, turns: 0 };

/** Of the first map that is largest somewhere inside: where that is before the movement of the exercise, and after it. */
function Questions({ network }: { network: NetworkInside }) {
  const stem = network.layers[0];
  const unshared = stem.weights * SIZE * SIZE;
  const { value, current } = useAnswer<Moved>("/api/lesson/shift", { position: lesson.message, layer: 0, map: 0, model: lesson.model, ...ASKED });
  const moved = current ? value?.shared : undefined;
  const inside = moved ? [...moved.compared.keys()].filter((point) => moved.compared[point]) : [];
  const top = (map: number[]) => inside.reduce((best, point) => (map[point] > map[best] ? point : best), inside[0]);
  const after = moved && inside.length > 0 ? top(moved.after) : null;
  const before = after === null ? null : after - ASKED.right - ASKED.up * SIZE;
  return (
    <Exercises
      all={[
        {
          question: t("sharing.exercise1", { weights: whole(stem.weights), points: SIZE * SIZE }),
          example: "1000",
          judge: numberIs(unshared),
          answer: whole(unshared),
          why: t("sharing.why1", { weights: whole(stem.weights), points: SIZE * SIZE, unshared: whole(unshared) }),
        },
        {
          question: t("sharing.exercise2", { point: before === null ? "…" : toVertex(before), right: ASKED.right, down: -ASKED.up }),
          example: "Q16",
          judge: after === null ? null : pointIn([after]),
          answer: after === null ? "" : toVertex(after),
          why: t("sharing.why2", { value: after === null ? "" : short(moved!.after[after]) }),
        },
      ]}
    />
  );
}

export default function SharingStation() {
  return (
    <>
      <p class="claim">{t("sharing.claim")}</p>
      <WithNetwork>{(network) => <Station network={network} />}</WithNetwork>
    </>
  );
}
