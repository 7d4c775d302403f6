// Training runs, live: which there are, their curves over one another, their settings, and samples of their last validation.
import { useEffect, useState } from "preact/hooks";
import { get } from "../../lib/api";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { Configuration } from "./Configuration";
import { Curves } from "./Curves";
import { RunList } from "./RunList";
import { Runs } from "./runs";
import { Samples } from "./Samples";
import "./page.css";

export default function RunsPage() {
  const [store] = useState(() => new Runs());
  useStore(store);
  const [off, setOff] = useState(false);
  useEffect(() => {
    // whoever cannot be asked is said to be lost by the store
    get<{ runs: boolean }>("/api/about").then((about) => setOff(!about.runs), () => {});
  }, []);
  useEffect(() => (off ? undefined : store.open()), [store, off]);
  const some = (store.runs?.length ?? 0) > 0;
  if (off) return <p class="card">{t("runs.off")}</p>;
  return (
    <div class="runspage">
      <h1 class="visually-hidden">{t("page.runs")}</h1>
      {store.lost && <p class="error" role="alert">{t("runs.lost")}</p>}
      {store.error && <p class="error" role="alert">{store.error}</p>}
      {store.runs === null && !store.lost && <p class="soft" role="status">{t("runs.waiting")}</p>}
      {store.runs !== null && !some && (
        <div class="card">
          <p>{t("runs.none")}</p>
          <pre tabIndex={0}><code>gocnn go-train my-games/ --out runs/mine --minutes 30</code></pre>
        </div>
      )}
      {(some || store.skipped.length > 0) && <RunList store={store} />}
      {some && (
        <div class="looked">
          {store.shown.length === 0 ? (
            <p class="soft">{t("runs.choose")}</p>
          ) : (
            <>
              <Curves store={store} />
              <Samples store={store} />
              <Configuration store={store} />
            </>
          )}
        </div>
      )}
    </div>
  );
}
