// What the server says, in the language of the page: its English sentences are looked up as they stand in its source.
import { said as table } from "../texts/said";
import { language } from "./text";

interface Pattern {
  regexp: RegExp;
  chinese: string;
  /** Whether it holds no words of its own: it says something only around a sentence that is known. */
  bare: boolean;
}

const HOLE = /\{(\w+)\}/g;

let patterns: Pattern[] | null = null;

function patternOf([english, chinese]: [string, string]): Pattern {
  const escaped = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return { regexp: new RegExp(`^${escaped.replace(HOLE, "(?<$1>.+?)")}$`, "s"), chinese, bare: !/[a-z]/i.test(english.replace(HOLE, "")) };
}

/** The sentence in Chinese, null if it is not known. */
function inChinese(sentence: string): string | null {
  const words = (english: string) => english.replace(HOLE, "").length;
  // the one with most words of its own fits best
  patterns ??= Object.entries(table).sort(([a], [b]) => words(b) - words(a)).map(patternOf);
  for (const { regexp, chinese, bare } of patterns) {
    const found = regexp.exec(sentence);
    if (!found) continue;
    let known = !bare;
    const values: Record<string, string> = {};
    for (const [name, value] of Object.entries(found.groups ?? {})) {
      const inside = inChinese(value);
      if (inside !== null) known = true;
      values[name] = inside ?? value;
    }
    if (known) return chinese.replace(HOLE, (_, name: string) => values[name]);
  }
  return null;
}

/** What the server said, as it is shown. */
export function said(sentence: string): string {
  return language() === "zh" ? (inChinese(sentence) ?? sentence) : sentence;
}
