// Which network is looked into, and which of its layers; or why there is none.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useStore } from "../../lib/store";
import { said } from "../../lib/said";
import { t } from "../../lib/text";
import type { LayerInside, NetworkInside } from "./messages";
import { lesson } from "./session";

export function layerName(layer: LayerInside): string {
  return t(`layer.${layer.part}`, { block: layer.block, place: layer.place });
}

/** What a plane or map is called that a layer reads. */
export function inputName(network: NetworkInside, layer: LayerInside, input: number): string {
  if (layer.number > 0) return t("layer.map", { number: input });
  const [group, number] = (network.planes[input] ?? "").split(" ");
  const key = `plane.${group}` as Parameters<typeof t>[0];
  return number ? `${t(key)} ${number}` : t(key);
}

/** The choice of the network, where there are several. */
export function NetworkChoice() {
  useStore(lesson);
  if (lesson.models.length < 2) return null;
  return (
    <label class="field">
      <span>{t("lesson.network")}</span>
      <select value={lesson.model ?? lesson.models[0].name} onChange={(event) => void lesson.open(event.currentTarget.value)}>
        {lesson.models.map((each) => <option key={each.name} value={each.name}>{said(each.title)}</option>)}
      </select>
    </label>
  );
}

export function LayerSlider({ network, layer, onLayer }: { network: NetworkInside; layer: number; onLayer: (layer: number) => void }) {
  const shown = network.layers[layer];
  return (
    <label class="slider">
      <span>{t("layer.which", { number: layer + 1, count: network.layers.length, name: layerName(shown), kernel: shown.kernel })}</span>
      <input type="range" min={0} max={network.layers.length - 1} value={layer} aria-valuetext={layerName(shown)} onInput={(event) => onLayer(Number(event.currentTarget.value))} />
    </label>
  );
}

/** Draws its content with the network once that is open, and until then says what it waits for. */
export function WithNetwork({ children }: { children: (network: NetworkInside) => ComponentChildren }) {
  useStore(lesson);
  useEffect(() => void lesson.begin(), []);
  if (lesson.network) return <>{children(lesson.network)}</>;
  return (
    <section class="card">
      <NetworkChoice />
      {lesson.error ? <p class="error" role="alert">{lesson.error}</p> : <p role="status">{t("lesson.opening")}</p>}
    </section>
  );
}
