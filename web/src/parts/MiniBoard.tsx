// A small board that only shows: stones, the last move, what a network expects, and a move that is ringed.
import { fromVertex, SIZE } from "../lib/coords";
import { disc, strengthOf } from "../lib/colours";

export interface MiniBoardProps {
  label: string;
  black: string[];
  white: string[];
  last?: string | null;
  /** Probabilities of moves, from 0 to 1. */
  moves?: { move: string; probability: number }[];
  ringed?: string | null;
}

const STARS = [3, 9, 15];

function place(vertex: string): [number, number] | null {
  const point = fromVertex(vertex);
  if (!(point >= 0 && point < SIZE * SIZE)) return null;
  return [point % SIZE, SIZE - 1 - Math.floor(point / SIZE)];
}

function Stones({ vertices, colour }: { vertices: string[]; colour: "black" | "white" }) {
  return (
    <g class={`ministones ${colour}`}>
      {vertices.map((vertex) => {
        const at = place(vertex);
        return at && <circle key={vertex} cx={at[0]} cy={at[1]} r="0.47" />;
      })}
    </g>
  );
}

export function MiniBoard({ label, black, white, last, moves = [], ringed }: MiniBoardProps) {
  const end = SIZE - 1;
  const lastAt = last ? place(last) : null;
  const ringAt = ringed ? place(ringed) : null;
  const lines = Array.from({ length: SIZE }, (_, k) => `M0 ${k}H${end}M${k} 0V${end}`).join("");
  return (
    <svg class="miniboard" viewBox={`-0.8 -0.8 ${SIZE + 0.6} ${SIZE + 0.6}`} role="img" aria-label={label}>
      <rect class="wood" x="-0.8" y="-0.8" width={SIZE + 0.6} height={SIZE + 0.6} />
      <path class="lines" d={lines} />
      {STARS.flatMap((x) => STARS.map((y) => <circle key={`${x} ${y}`} class="star" cx={x} cy={y} r="0.14" />))}
      <Stones vertices={black} colour="black" />
      <Stones vertices={white} colour="white" />
      {lastAt && <circle class={black.includes(last!) ? "lastmove onblack" : "lastmove"} cx={lastAt[0]} cy={lastAt[1]} r="0.2" />}
      {moves.map(({ move, probability }) => {
        const at = place(move);
        if (!at || probability < 0.005) return null;
        const { fill, ink } = disc(strengthOf(probability));
        return (
          <g key={move}>
            <circle cx={at[0]} cy={at[1]} r="0.49" fill={fill} />
            <text x={at[0]} y={at[1]} fill={ink}>{Math.round(probability * 100)}</text>
          </g>
        );
      })}
      {ringAt && <circle class="ringed" cx={ringAt[0]} cy={ringAt[1]} r="0.62" />}
    </svg>
  );
}
