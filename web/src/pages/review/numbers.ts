// How the numbers of a review are written.
import { t } from "../../lib/text";
import { percent } from "../board/numbers";
import type { ReviewedMove } from "./content";

/** A probability in per cent; a small one is not said to be none. */
export function share(p: number): string {
  return p >= 0.001 ? `${percent(p)} %` : "< 0.1 %";
}

export function sideOf(colour: 1 | 2): string {
  return t(colour === 1 ? "colour.black" : "colour.white");
}

/** How a move's rank is coloured: the first choice, one of the first five, another. */
export function kindOf(move: ReviewedMove): "first" | "infive" | "other" {
  return move.rank === 1 ? "first" : move.rank <= 5 ? "infive" : "other";
}
