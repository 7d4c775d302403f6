// Station 2: filters and their maps.
import { useMemo, useState } from "preact/hooks";
import { MapScale } from "../../parts/Maps";
import { POINTS, fromVertex, toVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { useAnswer } from "./answers";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs, pointIn } from "./Exercise";
import { LessonBoard } from "./LessonBoard";
import { BigMap, MapChoice } from "./MapSheets";
import type { LayerMaps, NetworkInside, PointProducts } from "./messages";
import { LayerSlider, NetworkChoice, WithNetwork } from "./Network";
import { short } from "./numbers";
import { ProductSheet } from "./ProductSheet";
import { lesson } from "./session";

/** The maps as numbers: 361 of each. */
export function unpackedMaps(maps: LayerMaps): Float32Array[] {
  const bytes = Uint8Array.from(atob(maps.values), (character) => character.charCodeAt(0));
  return maps.low.map((low, k) =>
    Float32Array.from({ length: POINTS }, (_, point) => low + (bytes[k * POINTS + point] / 255) * (maps.high[k] - low)),
  );
}

function Station({ network }: { network: NetworkInside }) {
  useStore(lesson);
  const [layer, setLayer] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [point, setPoint] = useState(() => (lesson.position.last && lesson.position.last.point < POINTS ? lesson.position.last.point : 60));
  const number = Math.min(layer, network.layers.length - 1);
  const map = Math.min(chosen, network.layers[number].outputs - 1);
  const position = lesson.message;
  const { model } = lesson;
  const answered = useAnswer<LayerMaps>("/api/lesson/maps", { position, layer: number, model });
  const products = useAnswer<PointProducts>("/api/lesson/products", { position, layer: number, map, point: toVertex(point), model });
  const maps = useMemo(() => answered.value && unpackedMaps(answered.value), [answered.value]);
  const values = maps?.[map];
  const least = answered.value?.low[map] ?? 0;
  const highest = answered.value?.high[map] ?? 0;
  const most = Math.max(Math.abs(least), Math.abs(highest));
  const error = answered.error || products.error;
  return (
    <div class="station">
      <div class="left">
        <LessonBoard />
        <section class="card">
          <NetworkChoice />
          <LayerSlider network={network} layer={number} onLayer={setLayer} />
          {error && <p class="error" role="alert">{error}</p>}
          {maps && <MapChoice maps={maps} low={answered.value!.low} high={answered.value!.high} chosen={map} onChoose={setChosen} stale={!answered.current} />}
        </section>
      </div>
      <div class="right">
        <section class="card" aria-labelledby="bigmap">
          <h2 id="bigmap">{t("maps.one", { map })}</h2>
          {values && (
            <>
              <BigMap values={values} most={most} stones={lesson.position.stones} point={point} reach={network.layers[number]} onPoint={setPoint} label={t("maps.mapLabel", { map })} />
              <MapScale low={short(-most)} high={short(most)} />
              <p class="soft hint">{t("maps.hint")}</p>
            </>
          )}
        </section>
        {products.value && (
          <ProductSheet network={network} layer={network.layers[number]} map={map} point={point} products={products.value} stale={!products.current} />
        )}
        <Questions network={network} map={map} values={answered.current && values ? values : null} />
        <CodeLinks links={[{ name: "filters", label: t("maps.code1") }, { name: "products", label: t("maps.code2") }]} />
      </div>
    </div>
  );
}

/** The sum that the second exercise supposes; at D4, in the first map. */
const SUPPOSED = fromVertex("D4");

function Questions({ network, map, values }: { network: NetworkInside; map: number; values: Float32Array | null }) {
  const layer = network.layers.find((each) => each.normalised && each.relu) ?? network.layers[0];
  const { value } = useAnswer<PointProducts>("/api/lesson/products", {
    position: lesson.message, layer: layer.number, map: Math.min(map, layer.outputs - 1), point: toVertex(SUPPOSED), model: lesson.model,
  });
  const scale = Number(value?.scale.toFixed(3));
  const shift = Number(value?.shift.toFixed(3));
  const sum = value ? Math.round(value.total) + 1 : 0;
  const before = (sum + (value?.bias ?? 0)) * scale + shift;
  const supposed = value?.relu ? Math.max(0, before) : before;
  const largest = values ? Math.max(...values) : 0;
  const where = values ? [...values.keys()].filter((at) => values[at] === largest) : [];
  return (
    <Exercises
      all={[
        {
          question: t("maps.exercise1", { map }),
          example: "Q16",
          judge: values ? pointIn(where) : null,
          answer: where.slice(0, 3).map(toVertex).join(", "),
          why: t("maps.why1", { value: short(largest) }),
        },
        {
          question: t("maps.exercise2", value ? { sum: String(sum).replace("-", "−"), scale: short(scale), shift: short(shift) } : { sum: "…", scale: "…", shift: "…" }),
          example: "0.5",
          judge: value ? numberIs(supposed, 0.005 + Math.abs(supposed) * 0.01) : null,
          answer: short(supposed),
          why: t("maps.why2", { before: short(before), value: short(supposed) }),
        },
      ]}
    />
  );
}

export default function MapStation() {
  return (
    <>
      <p class="claim">{t("maps.claim")}</p>
      <WithNetwork>{(network) => <Station network={network} />}</WithNetwork>
    </>
  );
}
