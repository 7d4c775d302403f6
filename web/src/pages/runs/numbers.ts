// How figures, times and settings are written.

/** Figures that are shares of one: written in per cent. */
const SHARES = /^(top\d+|accuracy|value|owner|share_waited)$/;

export function isShare(figure: string): boolean {
  return SHARES.test(figure);
}

/** A figure with as many digits as are worth reading. */
export function figureText(figure: string, value: number): string {
  return isShare(figure) ? `${numberText(value * 100)} %` : numberText(value);
}

/** A number with three digits that count. */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e12) return Number(value.toPrecision(3)).toExponential();
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  const short = Number(value.toPrecision(3));
  return size > 0 && size < 1e-5 ? short.toExponential() : String(short);
}

/** `1:02:03` or `2:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A setting's value. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(settingText).join(", ") || "–";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}
