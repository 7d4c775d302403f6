// The board as a network with pooling is left with it: merged points drawn merged.
import { SmallBoard } from "../../parts/SmallBoard";
import { SIZE } from "../../lib/coords";
import { t } from "../../lib/text";
import type { MergedBoard } from "./messages";

/** A disc that holds so much black and so much white: halves where both are there, paler where it is less than all. */
function Disc({ x, y, black, white, radius }: { x: number; y: number; black: number; white: number; radius: number }) {
  const half = (sweep: number) => `M${x} ${y - radius}A${radius} ${radius} 0 0 ${sweep} ${x} ${y + radius}Z`;
  if (black > 0 && white > 0) {
    return (
      <g>
        <path class="stone black" d={half(0)} fill-opacity={black} />
        <path class="stone white" d={half(1)} fill-opacity={white} />
      </g>
    );
  }
  return <circle class={black > 0 ? "stone black" : "stone white"} cx={x} cy={y} r={radius} fill-opacity={Math.max(black, white)} />;
}

export function MergedView({ board, stones }: { board: MergedBoard; stones: ArrayLike<number> }) {
  const left = (sign: number) => Array.from(stones).filter((each) => each === sign).length;
  const held = (values: readonly number[]) => values.filter((each) => each > 0).length;
  const both = board.black.filter((each, k) => each > 0 && board.white[k] > 0).length;
  const told = t("pooling.count", {
    points: board.side * board.side, black: held(board.black), white: held(board.white), both, blackBefore: left(1), whiteBefore: left(-1),
  });
  return (
    <div class="merged">
      {board.side === SIZE ? <SmallBoard stones={stones} label={told} /> : (
        <svg class="smallboard" viewBox={`0 0 ${board.side} ${board.side}`} role="img" aria-label={told}>
          <rect class="wood" width={board.side} height={board.side} rx="0.15" />
          {board.black.map((black, k) => {
            const [x, y] = [(k % board.side) + 0.5, board.side - 0.5 - Math.floor(k / board.side)];
            const white = board.white[k];
            return (
              <g key={k}>
                <rect class="cell" x={x - 0.47} y={y - 0.47} width="0.94" height="0.94" rx="0.08" />
                {(black > 0 || white > 0) && <Disc x={x} y={y} black={black} white={white} radius={0.4} />}
              </g>
            );
          })}
        </svg>
      )}
      <p role="status">{told}</p>
    </div>
  );
}
