// Station 1: a neuron sees a field.
import { useState } from "preact/hooks";
import { centre } from "../../parts/Board";
import { POINTS, SIZE, toVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { useAnswer } from "./answers";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs } from "./Exercise";
import { LessonBoard } from "./LessonBoard";
import type { NetworkInside, SeenField } from "./messages";
import { LayerSlider, NetworkChoice, WithNetwork, layerName } from "./Network";
import { percent, short, whole } from "./numbers";
import { lesson } from "./session";

/** The field as a frame on the board, and the neuron's own point. */
function Frame({ seen, point }: { seen: SeenField; point: number }) {
  const [bottom, top] = seen.rows;
  const [left, right] = seen.columns;
  const [x, y] = centre(point);
  return (
    <g class="field-frame">
      <rect x={left + 0.03} y={SIZE - 1 - top + 0.03} width={right - left + 0.94} height={top - bottom + 0.94} />
      <circle cx={x} cy={y} r="0.2" />
    </g>
  );
}

function Numbers({ network, layer, seen }: { network: NetworkInside; layer: number; seen: SeenField | null }) {
  const shown = network.layers[layer];
  const { lecture } = network;
  const [width, height, channels] = lecture.input;
  return (
    <>
      <section class="card" aria-labelledby="seen">
        <h2 id="seen">{t("field.seen")}</h2>
        <p class="big"><output>{t("field.side", { side: shown.side })}</output></p>
        <p>{t("field.growth", { fields: network.layers.map((each) => each.side).filter((side, k, all) => side !== all[k - 1]).join(", ") })}</p>
        <p>{shown.sees_all ? t("field.all") : t("field.notAll")}</p>
        {seen && (
          <p>
            {t("field.measured", { map: seen.map, value: short(seen.value) })}{" "}
            {shown.sees_all && t("field.outside", { outside: percent(seen.outside) })}
          </p>
        )}
      </section>
      <section class="card" aria-labelledby="count">
        <h2 id="count">{t("field.count")}</h2>
        <table>
          <tbody>
            <tr><th scope="row">{t("field.weights", { name: layerName(shown) })}</th><td>{whole(shown.weights)}</td></tr>
            <tr><th scope="row">{t("field.dense")}</th><td>{whole(shown.fully_connected)}</td></tr>
            <tr><th scope="row">{t("field.times")}</th><td>{whole(Math.round(shown.fully_connected / shown.weights))}×</td></tr>
            <tr><th scope="row">{t("field.board", { neurons: whole(lecture.neurons), planes: network.planes.length })}</th><td>{whole(network.dense)}</td></tr>
            <tr><th scope="row">{t("field.lecture", { width, height, channels, neurons: whole(lecture.neurons) })}</th><td>{whole(lecture.weights)}</td></tr>
            <tr><th scope="row">{t("field.lectureShared")}</th><td>{whole(lecture.shared)}</td></tr>
          </tbody>
        </table>
        <p class="soft">{t("field.product", { product: lecture.input.join(" × "), neurons: whole(lecture.neurons) })}</p>
      </section>
    </>
  );
}

function Station({ network }: { network: NetworkInside }) {
  useStore(lesson);
  const [layer, setLayer] = useState(0);
  const [point, setPoint] = useState(9 * SIZE + 9);
  const number = Math.min(layer, network.layers.length - 1);
  const { value: seen, current, error } = useAnswer<SeenField>("/api/lesson/field", {
    position: lesson.message, layer: number, point: toVertex(point), model: lesson.model,
  });
  const stem = network.layers[0];
  const needed = Math.ceil((SIZE - stem.side) / 2);
  const wider = stem.kernel + 2;
  const widerWeights = stem.inputs * stem.outputs * wider * wider;
  const heat = seen && Float32Array.from({ length: POINTS }, (_, k) => seen.influence[k] ** 0.6);
  return (
    <div class="station">
      <div class="left">
        <LessonBoard heat={heat} stale={!current} onChoose={setPoint} saidAt={(at) => (seen ? t("field.saidAt", { share: percent(seen.influence[at], 0) }) : "")}>
          {seen && <Frame seen={seen} point={point} />}
        </LessonBoard>
        <section class="card">
          <NetworkChoice />
          <LayerSlider network={network} layer={number} onLayer={setLayer} />
          <p role="status" class="said">{t("field.said", { point: toVertex(point), side: network.layers[number].side })}</p>
          {error && <p class="error" role="alert">{error}</p>}
        </section>
      </div>
      <div class="right">
        <Numbers network={network} layer={number} seen={seen} />
        <Exercises
          all={[
            {
              question: t("field.exercise1", { side: stem.side }),
              example: "3",
              judge: numberIs(needed),
              answer: String(needed),
              why: t("field.why1", { side: stem.side, needed, reached: stem.side + 2 * needed }),
            },
            {
              question: t("field.exercise2", { kernel: stem.kernel, wider, inputs: stem.inputs, outputs: stem.outputs }),
              example: "1000",
              judge: numberIs(widerWeights),
              answer: whole(widerWeights),
              why: t("field.why2", { inputs: stem.inputs, outputs: stem.outputs, wider, weights: whole(widerWeights) }),
            },
          ]}
        />
        <CodeLinks links={[{ name: "field", label: t("field.code1") }, { name: "influence", label: t("field.code2") }]} />
      </div>
    </div>
  );
}

export default function FieldStation() {
  return (
    <>
      <p class="claim">{t("field.claim")}</p>
      <WithNetwork>{(network) => <Station network={network} />}</WithNetwork>
    </>
  );
}
