// The frame of the page: which address shows what, the way between them, language and theme.
import { render, type ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { here, go, onMove } from "./lib/router";
import { language, t, type TextKey } from "./lib/text";
import { setTheme, theme } from "./lib/theme";
import { useSides } from "./parts/Sideways";
import { Switches } from "./parts/Switches";
import "./style.css";

interface PageEntry {
  path: string;
  title: TextKey;
  load: () => Promise<{ default: ComponentType<{ rest: string }> }>;
}

// The first whose path begins the address is shown; what follows it is handed over as `rest`.
const PAGES: PageEntry[] = [
  { path: "/", title: "page.board", load: () => import("./pages/board/BoardPage") },
  { path: "/review", title: "page.review", load: () => import("./pages/review/ReviewPage") },
  { path: "/lesson", title: "page.lesson", load: () => import("./pages/lesson/LessonPage") },
  { path: "/photos", title: "page.photos", load: () => import("./pages/photos/PhotosPage") },
  { path: "/runs", title: "page.runs", load: () => import("./pages/runs/RunsPage") },
];

function entryOf(path: string): PageEntry {
  const found = PAGES.find((page) => page.path !== "/" && (path === page.path || path.startsWith(page.path + "/")));
  return found ?? PAGES[0];
}

function Frame() {
  const [path, setPath] = useState(here());
  const [shown, setShown] = useState<{ entry: PageEntry; Page: ComponentType<{ rest: string }> } | null>(null);
  const [failed, setFailed] = useState(false);
  const [, refresh] = useState(0);
  const entry = entryOf(path);

  const frame = useRef<HTMLDivElement>(null);
  const pages = useRef<HTMLElement>(null);
  const content = useRef<HTMLElement>(null);
  useSides(frame, pages);
  // where they do not all fit, the one that is shown does
  useEffect(() => pages.current!.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [entry]);

  useEffect(() => onMove(() => setPath(here())), []);
  useEffect(() => {
    let current = true;
    setFailed(false);
    entry.load().then(
      (loaded) => {
        if (current) setShown({ entry, Page: loaded.default });
      },
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [entry]);
  useEffect(() => {
    document.title = `${t(entry.title)} · gocnn`;
    document.documentElement.lang = language() === "zh" ? "zh-Hant" : "en";
  });

  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // the part of the address after # is the pages' own
          event.preventDefault();
          content.current!.focus();
        }}
      >
        {t("page.skip")}
      </a>
      <header>
        <div class="sideways" ref={frame}>
          <nav aria-label={t("page.pages")} ref={pages}>
            {PAGES.map((page) => (
              <a
                href={page.path}
                aria-current={page === entry ? "page" : undefined}
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                  event.preventDefault();
                  go(page.path);
                }}
              >
                {t(page.title)}
              </a>
            ))}
          </nav>
        </div>
        <Switches changed={() => refresh((n) => n + 1)} />
      </header>
      <main id="main" tabIndex={-1} ref={content}>
        {failed ? (
          <p role="alert">{t("page.failed")}</p>
        ) : (
          shown && <shown.Page key={shown.entry.path + language()} rest={path.slice(shown.entry.path.length).replace(/^\//, "")} />
        )}
      </main>
    </>
  );
}

setTheme(theme());
render(<Frame />, document.getElementById("page")!);
