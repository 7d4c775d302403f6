// Light or dark: the system's choice until a person makes one.
export type Theme = "light" | "dark";

export function theme(): Theme {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function setTheme(chosen: Theme): void {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  if (chosen === system) localStorage.removeItem("theme");
  else localStorage.setItem("theme", chosen);
  document.documentElement.dataset.theme = chosen;
}
