// How numbers are written, and read from what people type.
import { language } from "../../lib/text";

/** 33,600. */
export function whole(count: number): string {
  return count.toLocaleString(language() === "zh" ? "zh-TW" : "en");
}

/** Three digits that count, with a proper minus. */
export function short(value: number): string {
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size >= 10 ? value.toFixed(2) : value.toFixed(3);
  return (Number(text) === 0 ? (size === 0 ? "0" : "0.000") : text).replace("-", "−");
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** A number that was typed: `33600`, `33,600`, `3e7`, `3×10^7`, `-0.5`; NaN if it is none. */
export function parsed(text: string): number {
  const plain = text
    .normalize("NFKC")
    .replace(/[\s,'_]/g, "")
    .replace(/[−–]/g, "-")
    .replace(/[x×*·]10(?:\^|\*\*)?/i, "e");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}
