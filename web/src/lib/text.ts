// Every text that a person reads, in English and Chinese: `t("board.pass")`. The tables of a page are in `src/texts/`, registered here.
import { board } from "../texts/board";
import { common } from "../texts/common";
import { lesson } from "../texts/lesson";
import { photos } from "../texts/photos";
import { photoStations } from "../texts/photoStations";
import { review } from "../texts/review";
import { runs } from "../texts/runs";
import { stations } from "../texts/stations";
import { keep, kept } from "./kept";

export type Language = "en" | "zh";

const en = { ...common.en, ...board.en, ...review.en, ...lesson.en, ...stations.en, ...runs.en, ...photos.en, ...photoStations.en };
const zh: Record<keyof typeof en, string> = { ...common.zh, ...board.zh, ...review.zh, ...lesson.zh, ...stations.zh, ...runs.zh, ...photos.zh, ...photoStations.zh };

export type TextKey = keyof typeof en;

let chosenNow: string | null = null;

export function language(): Language {
  const chosen = chosenNow ?? kept("language");
  if (chosen === "en" || chosen === "zh") return chosen;
  return /^zh/i.test(navigator.language) ? "zh" : "en";
}

export function setLanguage(chosen: Language): void {
  chosenNow = chosen;
  keep("language", chosen);
}

/** What something of the server's is called: the text of that key, or its own name where there is none. */
export function called(key: string, name: string): string {
  return key in en ? t(key as TextKey) : name;
}

/** The text of that name; `{name}` in it becomes `values.name`. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const text = (language() === "zh" ? zh : en)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}
