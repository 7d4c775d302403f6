// Colour scales. Sequential ones run from pale to dark in one hue, so that the colour-blind can read them as well.

export type Rgb = readonly [number, number, number];

const BLUES: readonly Rgb[] = [
  [190, 216, 244],
  [130, 187, 235],
  [38, 118, 200],
  [6, 44, 104],
];

/** The colour at `x`, from 0 to 1, of a scale of evenly spaced colours. */
export function between(scale: readonly Rgb[], x: number): Rgb {
  const place = Math.min(1, Math.max(0, x)) * (scale.length - 1);
  const k = Math.min(scale.length - 2, Math.floor(place));
  const share = place - k;
  return scale[k].map((from, c) => Math.round(from + (scale[k + 1][c] - from) * share)) as unknown as Rgb;
}

export function css([r, g, b]: Rgb, alpha = 1): string {
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

/** How strongly a probability is coloured, 0 to 1: by its square root, so that a tenth is well seen beside a half. */
export function strengthOf(probability: number): number {
  return Math.sqrt(Math.min(1, Math.max(0, probability)));
}

/** The colour of a heat map for a strength from 0 to 1; weak ones let what is below shine through. */
export function heat(strength: number): string {
  return css(between(BLUES, strength), 0.45 + 0.5 * Math.min(1, strength * 1.6));
}

/** A full colour of the same scale, and one to write upon it. */
export function disc(strength: number): { fill: string; ink: string } {
  return { fill: css(between(BLUES, strength)), ink: strength > 0.42 ? "#ffffff" : "#0b1d33" };
}

const WARM: readonly Rgb[] = [
  [20, 8, 60],
  [100, 20, 120],
  [200, 60, 75],
  [250, 145, 15],
  [252, 250, 150],
];

/** The colour over a photograph where a classifier looks, for a strength from 0 to 1: dark violet, red, orange, pale yellow. Seen without colours it grows lighter throughout. */
export function warm(strength: number): Rgb {
  return between(WARM, strength);
}

/** How much of that colour covers the photograph: what is cold is darkened, for food is warm in colour itself. */
export const WARMTH = 0.6;

/** Orange for below zero, blue for above, white between; `x` from -1 to 1. */
export function diverging(x: number): Rgb {
  const scale: readonly Rgb[] = [
    [150, 75, 0],
    [240, 165, 80],
    [250, 250, 250],
    [110, 170, 230],
    [10, 70, 150],
  ];
  return between(scale, (Math.min(1, Math.max(-1, x)) + 1) / 2);
}

/** Black or white, whichever is read better on this colour (WCAG's relative luminance). */
export function inkOn(colour: Rgb): string {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}
