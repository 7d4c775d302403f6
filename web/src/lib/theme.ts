// Light or dark: the system's choice until a person makes one.
import { keep, kept } from "./kept";

export type Theme = "light" | "dark";

let chosenNow: string | null = null;

export function theme(): Theme {
  const chosen = chosenNow ?? kept("theme");
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function setTheme(chosen: Theme): void {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  chosenNow = chosen;
  keep("theme", chosen === system ? null : chosen);
  document.documentElement.dataset.theme = chosen;
}
