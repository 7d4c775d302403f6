// Feature maps: numbers by points as colours, orange below zero, blue above.
import { useLayoutEffect, useRef } from "preact/hooks";
import { diverging } from "../lib/colours";
import { POINTS, SIZE } from "../lib/coords";

export interface MapSheetProps {
  /** 361 numbers, from A1 on. */
  values: ArrayLike<number>;
  /** What gets the full colour. */
  most: number;
  /** 361 numbers: points with 0 are drawn pale. */
  only?: ArrayLike<number>;
  label?: string;
  class?: string;
}

/** One map, a pixel for each point; styles make it as large as it is to be. */
export function MapSheet({ values, most, only, label, class: kind = "" }: MapSheetProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(SIZE, SIZE);
    for (let point = 0; point < POINTS; point++) {
      const at = 4 * ((SIZE - 1 - Math.floor(point / SIZE)) * SIZE + (point % SIZE));
      const [r, g, b] = diverging(most > 0 ? values[point] / most : 0);
      image.data.set([r, g, b, only && !only[point] ? 90 : 255], at);
    }
    context.putImageData(image, 0, 0);
  }, [values, most, only]);
  return <canvas ref={canvas} class={`map ${kind}`} width={SIZE} height={SIZE} role={label ? "img" : undefined} aria-label={label} aria-hidden={label ? undefined : true} />;
}

/** The scale of such maps. */
export function MapScale({ low, high }: { low: string; high: string }) {
  const stops = [-1, -0.5, 0, 0.5, 1].map((x) => `rgb(${diverging(x).join(",")})`);
  return (
    <p class="mapscale">
      <span>{low}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <defs>
          <linearGradient id="mapscale">{stops.map((colour, k) => <stop key={k} offset={`${k * 25}%`} stop-color={colour} />)}</linearGradient>
        </defs>
        <rect width="100" height="8" fill="url(#mapscale)" />
      </svg>
      <span>{high}</span>
    </p>
  );
}
