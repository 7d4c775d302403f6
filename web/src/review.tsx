// The Review page as one file (`go-review --html`): a game that stands in it, without a server.
import { render } from "preact";
import { useEffect, useReducer } from "preact/hooks";
import { language, setLanguage, t } from "./lib/text";
import { setTheme, theme } from "./lib/theme";
import { ReviewView } from "./pages/review/ReviewView";
import type { Content } from "./pages/review/content";
import { Reviewed } from "./pages/review/reviewed";
import "./style.css";

const content = JSON.parse(document.getElementById("data")!.textContent!) as Content;
const reviewed = new Reviewed(content, null, (ply) => {
  try {
    history.replaceState(null, "", `#${ply}`);
  } catch {
    // some browsers forbid it for files
  }
});

function OneFile() {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    document.title = `${content.black || "?"} – ${content.white || "?"}`;
    document.documentElement.lang = language() === "zh" ? "zh-Hant" : "en";
  });
  return (
    <>
      <header>
        <span>{t("page.review")}</span>
        <div class="switches">
          <button
            lang={language() === "en" ? "zh-Hant" : "en"}
            onClick={() => {
              setLanguage(language() === "en" ? "zh" : "en");
              draw(0);
            }}
          >
            {language() === "en" ? "中文" : "English"}
          </button>
          <button
            aria-label={t("page.theme")}
            title={t("page.theme")}
            onClick={() => {
              setTheme(theme() === "dark" ? "light" : "dark");
              draw(0);
            }}
          >
            {theme() === "dark" ? "☀" : "☾"}
          </button>
        </div>
      </header>
      <main id="main">
        <ReviewView key={language()} reviewed={reviewed} />
      </main>
    </>
  );
}

setTheme(theme());
reviewed.go(Number(location.hash.slice(1)) || 0);
addEventListener("hashchange", () => reviewed.go(Number(location.hash.slice(1)) || 0));
render(<OneFile />, document.getElementById("page")!);
