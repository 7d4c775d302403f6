// How numbers and moves are written.
import { PASS, toVertex } from "../../lib/coords";
import { t } from "../../lib/text";

/** A move as people say it. */
export function named(point: number): string {
  return point === PASS ? t("board.pass") : toVertex(point);
}

export function percent(share: number): string {
  const value = share * 100;
  return value >= 9.95 || value === 0 ? String(Math.round(value)) : value.toFixed(1);
}

/** 950, 1.2k, 15k. */
export function short(count: number): string {
  if (count < 1000) return String(count);
  return count < 9950 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`;
}

/** Points to a tenth; what rounds to nothing is not below zero. */
export function tenths(points: number): string {
  return points.toFixed(1).replace(/^-(?=0\.0$)/, "");
}

/** Black's lead as `B+3.5`, as results are written. */
export function leadOf(points: number): string {
  if (Math.abs(points) < 0.05) return t("number.even");
  return `${points > 0 ? "B" : "W"}+${Math.abs(points).toFixed(1)}`;
}
