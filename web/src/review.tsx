// The Review page as one file (`go-review --html`): a game that stands in it, without a server.
import { render } from "preact";
import { useEffect, useReducer } from "preact/hooks";
import { language, t } from "./lib/text";
import { setTheme, theme } from "./lib/theme";
import { ReviewView } from "./pages/review/ReviewView";
import type { Content } from "./pages/review/content";
import { Reviewed } from "./pages/review/reviewed";
import { Switches } from "./parts/Switches";
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
        <Switches changed={() => draw(0)} />
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
