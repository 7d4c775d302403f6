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

/** The numbers that what was typed may mean, none if it is no number: `33600`, `33,600`, `33.600`, `0,5`, `3e7`, `3×10^7`, `-0.5`. With one comma or point before three digits there are two: `1,456` is a number of thousands to some and a fraction to others. */
export function readings(text: string): number[] {
  const plain = text
    .replace(/[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+/g, "^$&") // an exponent that stands high
    .normalize("NFKC")
    .replace(/[\s'_]/g, "")
    .replace(/[−–]/g, "-")
    .replace(/[x×*·]10(?:\^|\*\*)/i, "e");
  const swapped = plain.replace(/[.,]/g, (mark) => (mark === "." ? "," : "."));
  return [plain, swapped]
    .filter((one) => /^[+-]?(\d+\.?\d*|\d{1,3}(,\d{3})+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(one))
    .map((one) => Number(one.replace(/,/g, "")));
}
