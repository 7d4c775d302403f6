// How expected each move was: a bar a move, black's upwards, white's downwards.
import { useMemo } from "preact/hooks";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { kindOf } from "./numbers";
import type { Reviewed } from "./reviewed";

const WIDTH = 1000;
const HALF = 60;
/** The least height of a bar: a move that nobody expected is seen as well. */
const LEAST = 3;
const KINDS = ["first", "infive", "other"] as const;

export function Strip({ reviewed }: { reviewed: Reviewed }) {
  useStore(reviewed);
  const { moves } = reviewed.content;
  const width = WIDTH / Math.max(moves.length, 1);
  // one path a kind: a game of thousands of moves is drawn as fast as another
  const paths = useMemo(() => {
    const found = { first: "", infive: "", other: "" };
    const bar = Math.max(width * 0.86, 0.4);
    moves.forEach((move, k) => {
      const height = Math.max(move.p * HALF, LEAST);
      const x = (k * width).toFixed(2);
      found[kindOf(move)] += `M${x} ${HALF}h${bar.toFixed(2)}v${(move.colour === 1 ? -height : height).toFixed(1)}h-${bar.toFixed(2)}z`;
    });
    return found;
  }, [moves]);
  const at = reviewed.ply;
  return (
    <figure class="strip">
      <svg
        viewBox={`0 0 ${WIDTH} ${2 * HALF}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("strip.label", { move: Math.min(at + 1, moves.length), moves: moves.length })}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          reviewed.go(Math.min(moves.length - 1, Math.floor(((event.clientX - box.left) / box.width) * moves.length)));
        }}
      >
        <rect class="here" x={at * width} y="0" width={Math.max(width, 2)} height={2 * HALF} />
        {KINDS.map((kind) => <path key={kind} class={kind} d={paths[kind]} />)}
        <line x1="0" x2={WIDTH} y1={HALF} y2={HALF} vector-effect="non-scaling-stroke" />
      </svg>
      <figcaption>
        {KINDS.map((kind) => <span key={kind}><i class={kind} aria-hidden="true" />{t(`strip.${kind}`)}</span>)}
        <span class="soft">{t("strip.how")}</span>
      </figcaption>
    </figure>
  );
}
