// The maps that the stages of a classifier make of a picture: convolution, pooling, convolution ...
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { between, type Rgb } from "../../lib/colours";
import { shareText } from "../../parts/Bars";
import { t } from "../../lib/text";
import { bytesOf, type ImageAnswer, type OpenModel } from "../photos/messages";
import { called } from "../photos/names";
import { useAsked, type Photo } from "../photos/session";
import type { Merging } from "./messages";

interface Stage {
  name: string;
  pools: boolean;
  channels: number;
  side: number;
  numbers: number[];
  low: number[];
  high: number[];
  values: string;
}

interface Staged {
  model: string;
  pool: string;
  stages: Stage[];
  answers: ImageAnswer[];
}

const SCALE: readonly Rgb[] = [[248, 249, 251], [130, 187, 235], [38, 118, 200], [6, 24, 64]];

function ByteMap({ bytes, side }: { bytes: Uint8Array; side: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(side, side);
    for (let at = 0; at < side * side; at++) image.data.set([...between(SCALE, bytes[at] / 255), 255], 4 * at);
    context.putImageData(image, 0, 0);
  }, [bytes, side]);
  return <canvas ref={canvas} class="map" width={side} height={side} aria-hidden="true" />;
}

function Row({ stage, number, way }: { stage: Stage; number: number; way: Merging }) {
  const all = useMemo(() => bytesOf(stage.values), [stage.values]);
  const count = stage.side * stage.side;
  const kind = stage.pools ? t(`pooling.${way}`) : t("stages.convolution");
  const told = t("stages.maps", { channels: stage.channels, side: stage.side });
  return (
    <li class={stage.pools ? "stage pools" : "stage"}>
      <p><strong>{`${number}. ${kind}`}</strong> <span class="soft">{told}</span></p>
      <div class="stagemaps" role="img" aria-label={t("stages.label", { kind, told })}>
        {stage.numbers.map((map, k) => <ByteMap key={map} bytes={all.subarray(k * count, (k + 1) * count)} side={stage.side} />)}
      </div>
    </li>
  );
}

/** way: how a network of convolution and pooling pools here. */
export function StageSheet({ photo, model, way }: { photo: Photo; model: OpenModel; way: Merging }) {
  const changes = model.kind === "cnn";
  const { value, current, error } = useAsked<Staged>("/api/images/lesson/stages", photo, { model: model.name, way: changes ? way : null });
  const best = value?.answers[0];
  return (
    <section class={value && !current ? "card spaced stale" : "card spaced"} aria-labelledby="stages">
      <h2 id="stages">{t("stages.title", { name: model.name })}</h2>
      <p>{changes ? t("stages.changes", { pool: value ? t(`pooling.${value.pool as Merging}`) : "…" }) : t("stages.strides")}</p>
      {!value && !error && <p role="status">{t("looking.opening")}</p>}
      {error && <p class="error" role="alert">{error}</p>}
      {value && (
        <>
          <ol class="stagelist">{value.stages.map((stage, k) => <Row key={stage.name} stage={stage} number={k + 1} way={way} />)}</ol>
          <p role="status" class="said">{best ? t("stages.answer", { label: called(best.name), share: shareText(best.probability) }) : t("stages.noAnswer")}</p>
        </>
      )}
    </section>
  );
}
