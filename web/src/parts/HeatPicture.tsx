// A photograph with a heat map laid over it, and the scale of that.
import { useLayoutEffect, useRef } from "preact/hooks";
import { WARMTH, warm } from "../lib/colours";

export interface HeatPictureProps {
  src: string;
  /** In words, what is seen. */
  label: string;
  /** Bytes of the map, side x side, or none. */
  heat: Uint8Array | null;
  side: number;
  /** Of the picture, width by height; a map of its middle square is laid there. */
  ratio: number;
  middle: boolean;
  stale?: boolean;
}

function Heat({ heat, side, style, stale }: { heat: Uint8Array; side: number; style: Record<string, string>; stale?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(side, side);
    for (let at = 0; at < side * side; at++) {
      const strength = heat[at] / 255;
      image.data.set([...warm(strength), Math.round(255 * WARMTH)], 4 * at);
    }
    context.putImageData(image, 0, 0);
  }, [heat, side]);
  return <canvas ref={canvas} class={stale ? "heat stale" : "heat"} width={side} height={side} style={style} data-heat={side} aria-hidden="true" />;
}

export function HeatPicture({ src, label, heat, side, ratio, middle, stale }: HeatPictureProps) {
  const shares = middle ? [Math.min(1, 1 / ratio), Math.min(1, ratio)] : [1, 1];
  const style = { left: `${50 - 50 * shares[0]}%`, top: `${50 - 50 * shares[1]}%`, width: `${100 * shares[0]}%`, height: `${100 * shares[1]}%` };
  return (
    <div class="heatpicture" style={{ "--ratio": String(ratio) }}>
      {src && <img src={src} alt={label} />}
      {heat && <Heat heat={heat} side={side} style={style} stale={stale} />}
    </div>
  );
}

export function HeatScale({ low, high }: { low: string; high: string }) {
  const stops = [0, 0.25, 0.5, 0.75, 1];
  return (
    <p class="heatscale">
      <span>{low}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <defs>
          <linearGradient id="heatscale">{stops.map((at) => <stop key={at} offset={`${at * 100}%`} stop-color={`rgb(${warm(at).join(",")})`} stop-opacity={WARMTH} />)}</linearGradient>
        </defs>
        <rect width="100" height="8" fill="url(#heatscale)" />
      </svg>
      <span>{high}</span>
    </p>
  );
}
