// All maps of a layer to choose from, and one of them large, with a point in it.
import { useRef, useState } from "preact/hooks";
import { MapSheet } from "../../parts/Maps";
import { SIZE, toVertex } from "../../lib/coords";
import { t } from "../../lib/text";
import type { LayerInside } from "./messages";
import { short } from "./numbers";

export interface MapChoiceProps {
  maps: readonly Float32Array[];
  low: readonly number[];
  high: readonly number[];
  chosen: number;
  stale: boolean;
  onChoose: (map: number) => void;
}

export function MapChoice({ maps, low, high, chosen, stale, onChoose }: MapChoiceProps) {
  const group = useRef<HTMLDivElement>(null);
  function choose(map: number) {
    if (map < 0 || map >= maps.length) return;
    onChoose(map);
    group.current?.querySelectorAll<HTMLElement>("[role=radio]")[map].focus();
  }
  function keyDown(event: KeyboardEvent) {
    const all = [...(group.current?.querySelectorAll<HTMLElement>("[role=radio]") ?? [])];
    // as many to a row as the screen shows
    const row = Math.max(1, all.filter((each) => each.offsetTop === all[0].offsetTop).length);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  }
  return (
    <div class={stale ? "mapchoice stale" : "mapchoice"} ref={group} role="radiogroup" aria-label={t("maps.all", { count: maps.length })} onKeyDown={keyDown}>
      {maps.map((values, map) => (
        <button
          key={map}
          type="button"
          role="radio"
          aria-checked={map === chosen}
          aria-label={t("layer.map", { number: map })}
          title={t("layer.map", { number: map })}
          tabIndex={map === chosen ? 0 : -1}
          onClick={() => choose(map)}
        >
          <MapSheet values={values} most={Math.max(Math.abs(low[map]), Math.abs(high[map]))} />
        </button>
      ))}
    </div>
  );
}

export interface BigMapProps {
  values: Float32Array;
  most: number;
  stones: ArrayLike<number>;
  point: number;
  /** Whose window is framed. */
  reach: LayerInside;
  label: string;
  onPoint: (point: number) => void;
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export function BigMap({ values, most, stones, point, reach, label, onPoint }: BigMapProps) {
  const [held, setHeld] = useState(false);
  const column = point % SIZE;
  const row = Math.floor(point / SIZE);
  const radius = Math.floor(reach.kernel / 2) * reach.dilation;
  function at(event: MouseEvent) {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * SIZE);
    const y = Math.floor(((event.clientY - box.top) / box.height) * SIZE);
    if (x >= 0 && x < SIZE && y >= 0 && y < SIZE) onPoint((SIZE - 1 - y) * SIZE + x);
  }
  function keyDown(event: KeyboardEvent) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const [x, y] = [column + step[0], row + step[1]];
    if (x >= 0 && x < SIZE && y >= 0 && y < SIZE) onPoint(y * SIZE + x);
  }
  return (
    <div
      class={held ? "bigmap held" : "bigmap"}
      role="application"
      tabIndex={0}
      aria-label={label}
      onMouseMove={(event) => !held && at(event)}
      onClick={(event) => {
        at(event);
        setHeld(!held);
      }}
      onKeyDown={keyDown}
    >
      <MapSheet values={values} most={most} />
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
        {Array.from(stones, (sign, k) =>
          sign === 0 ? null : <circle key={k} class={sign > 0 ? "onmap black" : "onmap white"} cx={(k % SIZE) + 0.5} cy={SIZE - 0.5 - Math.floor(k / SIZE)} r="0.22" />,
        )}
        <rect class="window" x={column - radius + 0.04} y={SIZE - 1 - row - radius + 0.04} width={2 * radius + 0.92} height={2 * radius + 0.92} />
        <rect class="here" x={column + 0.04} y={SIZE - 1 - row + 0.04} width="0.92" height="0.92" />
      </svg>
      <p class="visually-hidden" aria-live="polite">{`${toVertex(point)}: ${short(values[point])}`}</p>
    </div>
  );
}
