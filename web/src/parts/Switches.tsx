import { language, setLanguage, t } from "../lib/text";
import { setTheme, theme } from "../lib/theme";

/** Language and theme, as every header has them; `changed` draws the page anew. */
export function Switches({ changed }: { changed: () => void }) {
  return (
    <div class="switches">
      <button
        lang={language() === "en" ? "zh-Hant" : "en"}
        onClick={() => {
          setLanguage(language() === "en" ? "zh" : "en");
          changed();
        }}
      >
        {language() === "en" ? "中文" : "English"}
      </button>
      <button
        aria-label={t("page.theme")}
        title={t("page.theme")}
        onClick={() => {
          setTheme(theme() === "dark" ? "light" : "dark");
          changed();
        }}
      >
        {theme() === "dark" ? "☀" : "☾"}
      </button>
    </div>
  );
}
