// What was asked of the runs, and in what they differ.
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { Sideways } from "../../parts/Sideways";
import { settingText } from "./numbers";
import type { Run, Runs, Whole } from "./runs";

type Settings = Record<string, unknown>;

function Table({ names, rows, label }: { names: string[]; rows: [string, string[]][]; label: string }) {
  return (
    <Sideways class="scrolled" label={label}>
      <table class="settings">
        <thead>
          <tr>
            <th scope="col">{t("config.key")}</th>
            {names.map((name) => <th scope="col" key={name}><span class="clamped" title={name}>{name}</span></th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map(([key, values]) => (
            <tr key={key}>
              <th scope="row"><code>{key}</code></th>
              {values.map((value, k) => <td key={names[k]}>{value}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </Sideways>
  );
}

/** The settings of each run, a row each; with `differing` only those that not all have alike. */
function rowsOf(wholes: Whole[], of: (whole: Whole) => Settings, differing: boolean): [string, string[]][] {
  const keys = [...new Set(wholes.flatMap((whole) => Object.keys(of(whole))))];
  return keys
    .map((key): [string, string[]] => [key, wholes.map((whole) => (key in of(whole) ? settingText(of(whole)[key]) : t("config.absent")))])
    .filter(([, values]) => !differing || new Set(values).size > 1);
}

export function Configuration({ store }: { store: Runs }) {
  useStore(store);
  const known = store.shown.map((run): [Run, Whole | undefined] => [run, store.wholes.get(run.id)]).filter((each): each is [Run, Whole] => each[1] !== undefined);
  if (known.length === 0) return null;
  const names = known.map(([run]) => run.name);
  const wholes = known.map(([, whole]) => whole);
  const differing = [...rowsOf(wholes, (whole) => whole.asked, true), ...rowsOf(wholes, (whole) => whole.chosen, true)];
  return (
    <section class="card" aria-labelledby="config-title">
      <h2 id="config-title">{t("config.title")}</h2>
      {known.length > 1 && (
        <div class="differ">
          <h3>{t("config.differ")}</h3>
          {differing.length > 0 ? <Table names={names} rows={differing} label={t("config.differ")} /> : <p class="soft">{t("config.same")}</p>}
        </div>
      )}
      <details open={known.length === 1}>
        <summary>{t("config.asked")}</summary>
        <Table names={names} rows={rowsOf(wholes, (whole) => whole.asked, false)} label={t("config.asked")} />
      </details>
      <details>
        <summary>{t("config.chosen")}</summary>
        <Table names={names} rows={rowsOf(wholes, (whole) => whole.chosen, false)} label={t("config.chosen")} />
      </details>
    </section>
  );
}
