// A board to look at: lines, stones, a heat map, in one drawing of any size.
import type { ComponentChildren } from "preact";
import { heat as heatColour } from "../lib/colours";
import { POINTS, SIZE } from "../lib/coords";

export interface SmallBoardProps {
  /** 361 signs: 1 black, -1 white. */
  stones: ArrayLike<number>;
  /** 361 strengths from 0 to 1. */
  heat?: ArrayLike<number>;
  /** Points with a ring. */
  rings?: readonly number[];
  label: string;
  /** More to draw, in units of points, (0.5, 0.5) the centre of A19. */
  children?: ComponentChildren;
}

const HOSHI = [3, 9, 15];

export function SmallBoard({ stones, heat, rings = [], label, children }: SmallBoardProps) {
  const points = Array.from({ length: POINTS }, (_, point) => point);
  const x = (point: number) => (point % SIZE) + 0.5;
  const y = (point: number) => SIZE - 0.5 - Math.floor(point / SIZE);
  const lines = Array.from({ length: SIZE }, (_, k) => `M0.5 ${k + 0.5}H18.5M${k + 0.5} 0.5V18.5`).join("");
  return (
    <svg class="smallboard" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={label}>
      <rect class="wood" width={SIZE} height={SIZE} rx="0.3" />
      <path class="lines" d={lines} />
      {HOSHI.flatMap((column) => HOSHI.map((row) => <circle key={`${column} ${row}`} class="hoshi" cx={column + 0.5} cy={row + 0.5} r="0.13" />))}
      {points.filter((point) => stones[point] !== 0).map((point) => (
        <circle key={point} class={stones[point] > 0 ? "stone black" : "stone white"} cx={x(point)} cy={y(point)} r="0.46" />
      ))}
      {heat && points.filter((point) => heat[point] >= 0.07).map((point) => (
        <rect key={point} class="heat" x={x(point) - 0.48} y={y(point) - 0.48} width="0.96" height="0.96" fill={heatColour(heat[point])} />
      ))}
      {rings.map((point) => <circle key={point} class="ring" cx={x(point)} cy={y(point)} r="0.62" />)}
      {children}
    </svg>
  );
}
