// What a person has chosen for the board; kept in the browser.
import { get } from "../../lib/api";
import * as browser from "../../lib/kept";

export interface Model {
  name: string;
  title: string;
  has_value: boolean;
  has_score: boolean;
  shipped: boolean;
  error?: string;
}

/** What the server has; `GET /api/about`. */
export interface About {
  version: string;
  models: Model[];
  levels: string[];
  styles: string[];
  rules: string[];
}

export interface Settings {
  /** The network, null for the server's first one, and the one on the second board. */
  model: string | null;
  other: string | null;
  /** Whether there is a second board. */
  compare: boolean;
  /** Positions to look ahead at for hints, and before a move of the network's. */
  visits: number;
  playVisits: number;
  temperature: number;
  style: string;
  /** A rank to play at, or null: by visits and temperature. */
  level: string | null;
  symmetries: 1 | 8;
  hints: boolean;
  heat: boolean;
  ownership: boolean;
  /** Move numbers on the stones, and squares where the record goes on. */
  numbers: boolean;
  next: boolean;
  /** Who plays: a person or the network. */
  black: "you" | "net";
  white: "you" | "net";
}

export const VISITS = [0, 50, 200, 1000, 5000, 20000];
export const PLAY_VISITS = [0, 16, 64, 200, 800, 3000];
export const TEMPERATURES = [0, 0.25, 0.5, 0.75, 1];

export const FIRST: Settings = {
  model: null,
  other: null,
  compare: false,
  visits: 200,
  playVisits: 0,
  temperature: 0,
  style: "any",
  level: null,
  symmetries: 1,
  hints: true,
  heat: true,
  ownership: false,
  numbers: false,
  next: true,
  black: "you",
  white: "you",
};

const KEY = "board.settings";

export function kept(): Settings {
  try {
    return { ...FIRST, ...(JSON.parse(browser.kept(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return { ...FIRST };
  }
}

export function keep(settings: Settings): void {
  browser.keep(KEY, JSON.stringify(settings));
}

/** The networks that can be asked. */
export function usable(about: Pick<About, "models">): Model[] {
  return about.models.filter((model) => !model.error);
}

/** The network to begin with where nobody chose: the server's first one (null), or the first that can be asked where that one cannot. */
export function beginning(about: Pick<About, "models">): string | null {
  return about.models[0]?.error ? (usable(about)[0]?.name ?? null) : null;
}

/** The settings with what this server does not have put back to what it has. */
export function fitting(settings: Settings, about: About): Settings {
  const has = (name: string | null) => usable(about).some((model) => model.name === name);
  const fit = { ...settings };
  if (!has(fit.model)) fit.model = beginning(about);
  if (!has(fit.other)) fit.other = null;
  if (fit.level !== null && !about.levels.includes(fit.level)) fit.level = null;
  if (!about.styles.includes(fit.style)) fit.style = "any";
  if (!VISITS.includes(fit.visits)) fit.visits = FIRST.visits;
  if (!PLAY_VISITS.includes(fit.playVisits)) fit.playVisits = FIRST.playVisits;
  return fit;
}

export function about(): Promise<About> {
  return get<About>("/api/about");
}
