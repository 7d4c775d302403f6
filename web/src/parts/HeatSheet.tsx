// The sheet above the board's lines: a heat map as coloured squares, ownership as small black and white ones.
import { useLayoutEffect, useRef } from "preact/hooks";
import { heat as heatColour } from "../lib/colours";
import { POINTS, SIZE } from "../lib/coords";

export interface HeatSheetProps {
  heat?: ArrayLike<number> | null;
  ownership?: ArrayLike<number> | null;
  /** Points that are not 0 here get no heat. */
  except?: ArrayLike<number>;
  /** What is shown is of another position: it is drawn pale after a moment. */
  stale?: boolean;
  /** The width of a point in CSS pixels. */
  size: number;
  style: Record<string, string>;
}

/** Weaker than this (half a per cent of probability) is not drawn. */
const LEAST = 0.07;

function draw(canvas: HTMLCanvasElement, { heat, ownership, except, size }: HeatSheetProps): void {
  const side = Math.round(size * SIZE * devicePixelRatio);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d")!;
  context.setTransform(side / SIZE, 0, 0, side / SIZE, 0, 0);
  context.clearRect(0, 0, SIZE, SIZE);
  for (let point = 0; point < POINTS; point++) {
    const x = point % SIZE;
    const y = SIZE - 1 - Math.floor(point / SIZE);
    if (heat && heat[point] >= LEAST && !except?.[point]) {
      context.fillStyle = heatColour(heat[point]);
      context.fillRect(x + 0.02, y + 0.02, 0.96, 0.96);
    }
    const owner = ownership ? ownership[point] : 0;
    if (Math.abs(owner) > 0.1) {
      const width = 0.14 + 0.3 * Math.min(1, Math.abs(owner));
      context.fillStyle = owner > 0 ? "rgba(20, 23, 28, 0.88)" : "rgba(255, 255, 255, 0.92)";
      context.fillRect(x + (1 - width) / 2, y + (1 - width) / 2, width, width);
      context.strokeStyle = owner > 0 ? "rgba(255, 255, 255, 0.7)" : "rgba(20, 23, 28, 0.7)";
      context.lineWidth = 0.035;
      context.strokeRect(x + (1 - width) / 2, y + (1 - width) / 2, width, width);
    }
  }
}

export function HeatSheet(props: HeatSheetProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, props);
  }, [props.heat, props.ownership, props.except, props.size]);
  return <canvas ref={canvas} class={props.stale ? "board-over board-heat stale" : "board-over board-heat"} style={props.style} data-shown={props.heat ? "heat" : ""} aria-hidden="true" />;
}
