// How well the classifier tells its validation pictures apart: the confusion matrix, whose cells show their pictures.
import { useEffect, useRef, useState } from "preact/hooks";
import { between, css, inkOn, type Rgb } from "../../lib/colours";
import { get, post } from "../../lib/api";
import { t } from "../../lib/text";
import { shareText } from "../../parts/Bars";
import { Sideways } from "../../parts/Sideways";
import type { Cell, Evaluation, Figures, OpenModel, Progress } from "./messages";
import { Working } from "./Neighbours";
import { follow } from "./session";

const plain = (name: string) => name.replace(/_/g, " ");
const percent = (share: number | null) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);
const SCALE: readonly Rgb[] = [[232, 241, 250], [130, 187, 235], [38, 118, 200], [6, 44, 104]];

export interface Place {
  row: number;
  column: number;
}

function Matrix({ figures, at, onAt }: { figures: Figures; at: Place | null; onAt: (at: Place) => void }) {
  const grid = useRef<HTMLTableElement>(null);
  const [focus, setFocus] = useState<Place>(at ?? { row: 0, column: 0 });
  const names = figures.classes.map(({ name }) => plain(name));
  const move = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const last = names.length - 1;
    const next = { row: Math.min(last, Math.max(0, focus.row + step[0])), column: Math.min(last, Math.max(0, focus.column + step[1])) };
    setFocus(next);
    grid.current!.querySelector<HTMLButtonElement>(`[data-cell="${next.row}-${next.column}"]`)?.focus();
  };
  return (
    <div class="matrixframe">
      <table class="matrix" ref={grid} onKeyDown={move}>
        <caption class="soft">{t("evaluate.caption")}</caption>
        <thead>
          <tr>
            <td />
            {names.map((name, k) => <th scope="col" key={k}><span>{name}</span></th>)}
          </tr>
        </thead>
        <tbody>
          {figures.confusion.map((counts, row) => {
            const sum = Math.max(1, counts.reduce((a, b) => a + b, 0));
            return (
              <tr key={row}>
                <th scope="row">{names[row]}</th>
                {counts.map((count, column) => {
                  const colour = between(SCALE, count / sum);
                  const here = at?.row === row && at.column === column;
                  return (
                    <td key={column} class={row === column ? "right" : ""}>
                      <button
                        data-cell={`${row}-${column}`}
                        aria-pressed={here}
                        tabIndex={focus.row === row && focus.column === column ? 0 : -1}
                        aria-label={t("evaluate.cell", { count, label: names[row], answer: names[column] })}
                        style={count > 0 ? { background: css(colour), color: inkOn(colour) } : undefined}
                        onFocus={() => setFocus({ row, column })}
                        onClick={() => onAt({ row, column })}
                      >
                        {count || ""}
                      </button>
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** One for each cell. */
function CellPictures({ model, figures, at }: { model: OpenModel; figures: Figures; at: Place }) {
  const [cell, setCell] = useState<Cell | null>(null);
  const [error, setError] = useState("");
  const [label, answer] = [figures.classes[at.row].name, figures.classes[at.column].name];
  const load = (begin: number, before: Cell["pictures"]) => {
    const query = new URLSearchParams({ model: model.name, label, answer, begin: String(begin) });
    get<Cell>(`/api/images/evaluation/cell?${query}`).then(
      (found) => setCell({ count: found.count, pictures: [...before, ...found.pictures] }),
      (raised: Error) => setError(raised.message),
    );
  };
  useEffect(() => load(0, []), []);
  const count = figures.confusion[at.row][at.column];
  return (
    <section class="cell" aria-labelledby="cell">
      <h3 id="cell">{t(at.row === at.column ? "evaluate.rightOnes" : "evaluate.mixed", { count, label: plain(label), answer: plain(answer) })}</h3>
      {error && <p class="error" role="alert">{error}</p>}
      <ul class="thumbs">
        {cell?.pictures.map((each, k) => (
          <li key={k}>
            <img src={each.picture} alt={t("evaluate.picture", { name: each.name, label: plain(label) })} title={each.name} loading="lazy" />
            {each.answers.slice(0, 2).map((one) => <span key={one.name} class={one.name === label ? "" : "soft"}>{`${plain(one.name)} ${shareText(one.probability)}`}</span>)}
          </li>
        ))}
      </ul>
      {cell && cell.pictures.length < cell.count && <button onClick={() => load(cell.pictures.length, cell.pictures)}>{t("evaluate.more", { count: cell.count - cell.pictures.length })}</button>}
    </section>
  );
}

function ClassTable({ figures }: { figures: Figures }) {
  return (
    <details>
      <summary>{t("evaluate.byClass")}</summary>
      <Sideways class="scrolled wide-table" label={t("evaluate.byClass")}>
        <table>
          <thead>
            <tr>{(["class", "pictures", "precision", "recall", "f1"] as const).map((key) => <th scope="col" key={key}>{t(`evaluate.${key}`)}</th>)}</tr>
          </thead>
          <tbody>
            {figures.classes.map((each) => (
              <tr key={each.name}>
                <th scope="row">{plain(each.name)}</th>
                <td>{each.pictures}</td>
                <td>{percent(each.precision)}</td>
                <td>{percent(each.recall)}</td>
                <td>{percent(each.f1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Sideways>
    </details>
  );
}

export function Evaluate({ model }: { model: OpenModel }) {
  const [found, setFound] = useState<Evaluation | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [at, setAt] = useState<Place | null>(null);
  const stop = useRef(() => {});
  const gone = useRef(false);
  useEffect(() => () => {
    gone.current = true;
    stop.current();
  }, []);
  const ask = async (): Promise<void> => {
    setBusy(true);
    setError("");
    try {
      const answer = await post<Evaluation>("/api/images/evaluation", { model: model.name });
      if (gone.current) return;
      if (answer.job === null) {
        setFound(answer);
        setBusy(false);
        return;
      }
      stop.current = follow(answer.job, setProgress, (failed) => {
        if (failed === null) return void ask();
        setError(failed);
        setBusy(false);
      });
    } catch (raised) {
      setError((raised as Error).message);
      setBusy(false);
    }
  };
  const figures = found?.figures;
  return (
    <section class="card evaluate" aria-labelledby="evaluate">
      <h2 id="evaluate">{t("evaluate.title")}</h2>
      {!model.photographs && <p class="soft">{t("evaluate.unknown")}</p>}
      {model.photographs && !figures && !busy && (
        <>
          <p>{t("evaluate.about", { name: model.photographs })}</p>
          <button onClick={() => void ask()}>{t("evaluate.measure")}</button>
        </>
      )}
      {busy && <Working progress={progress} label={t("evaluate.title")} />}
      {error && <p class="error" role="alert">{error}</p>}
      {figures && (
        <>
          <p role="status">
            {t("evaluate.figures", {
              accuracy: percent(figures.accuracy), low: (figures.accuracy_interval[0] * 100).toFixed(1), high: (figures.accuracy_interval[1] * 100).toFixed(1),
              top3: percent(figures.top3), pictures: figures.pictures, name: found!.source,
            })}
            {found!.changed && ` ${t("neighbours.changed")}`}
            {!!found!.learnt_from && ` ${t("evaluate.learnt", { count: found!.learnt_from })}`}
          </p>
          <div class="confusion">
            <div>
              <Matrix figures={figures} at={at} onAt={setAt} />
              <ClassTable figures={figures} />
            </div>
            {at ? <CellPictures key={`${at.row} ${at.column}`} model={model} figures={figures} at={at} /> : <p class="soft">{t("evaluate.click")}</p>}
          </div>
        </>
      )}
    </section>
  );
}
