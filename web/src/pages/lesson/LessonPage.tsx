// The lecture, to touch: six stations, one claim each. The frame shows one and the way to the others.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { PREPARING_AFTER, useLate } from "../../lib/late";
import { go } from "../../lib/router";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { pending } from "./answers";
import { STATIONS } from "./stations";
import "./lesson.css";

function Link({ number, class: kind, here, children }: { number: number; class?: string; here?: boolean; children: string }) {
  const path = `/lesson/${number}`;
  return (
    <a
      class={kind}
      href={path}
      aria-current={here ? "step" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(path);
      }}
    >
      {children}
    </a>
  );
}

/** Says why nothing comes, before the first answer has. */
function Preparing() {
  useStore(pending);
  const late = useLate(pending.count > 0 && !pending.answered, PREPARING_AFTER);
  return <p role="status" class="preparing">{late && t("lesson.preparing")}</p>;
}

/** rest: the station's number, as the address has it; anything else is the first one. */
export default function LessonPage({ rest }: { rest: string }) {
  const number = /^[1-9]\d?$/.test(rest) && Number(rest) <= STATIONS.length ? Number(rest) : 1;
  const station = STATIONS[number - 1];
  const [shown, setShown] = useState<{ number: number; View: ComponentType } | null>(null);
  const [failed, setFailed] = useState(0);
  const heading = useRef<HTMLHeadingElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const first = useRef(true);

  useEffect(() => {
    let current = true;
    setFailed(0);
    station.load().then(
      (loaded) => current && setShown({ number, View: loaded.default }),
      () => current && setFailed(number),
    );
    // where they do not all fit, the one that is shown does
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    // whoever goes on to a station reads from its top; the first one leaves the focus where it is
    if (!first.current) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
    return () => {
      current = false;
    };
  }, [number]);

  return (
    <div class="lesson">
      <nav class="stations" aria-label={t("lesson.stations")}>
        <ol ref={list}>
          {STATIONS.map((each, k) => (
            <li key={each.title}>
              <Link number={k + 1} here={k + 1 === number}>{`${k + 1}. ${t(each.title)}`}</Link>
            </li>
          ))}
        </ol>
      </nav>
      <article>
        <p class="soft above">{t("lesson.station", { number, count: STATIONS.length })}</p>
        <h1 ref={heading} tabIndex={-1}>{t(station.title)}</h1>
        <Preparing />
        {failed === number && <p role="alert">{t("page.failed")}</p>}
        {shown?.number === number && <shown.View />}
      </article>
      <div class="onward">
        {number > 1 ? <Link number={number - 1}>{t("lesson.before", { title: t(STATIONS[number - 2].title) })}</Link> : <span />}
        {number < STATIONS.length && <Link number={number + 1}>{t("lesson.next", { title: t(STATIONS[number].title) })}</Link>}
      </div>
    </div>
  );
}
