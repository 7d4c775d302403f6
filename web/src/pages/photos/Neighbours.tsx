// The pictures that the classifier has learnt from and finds most alike to this one.
import { useEffect, useState } from "preact/hooks";
import { t } from "../../lib/text";
import type { FoundNeighbours, OpenModel, Progress } from "./messages";
import { follow, photos, type Photo } from "./session";

const COUNT = 12;

/** Classifiers whose pictures were looked at already, so that nobody need ask for it again. */
const ready = new Set<string>();

export function Working({ progress, label }: { progress: Progress | null; label: string }) {
  const known = progress !== null && progress.of_pictures > 0;
  return (
    <p class="row" role="status">
      <progress max={known ? progress.of_pictures : 1} value={known ? progress.pictures : undefined} aria-label={label} />
      {known ? t("working.soFar", { done: progress.pictures, of: progress.of_pictures }) : t("working.begins")}
    </p>
  );
}

export function Neighbours({ photo, model }: { photo: Photo; model: OpenModel }) {
  const [found, setFound] = useState<FoundNeighbours | null>(null);
  const [wanted, setWanted] = useState(ready.has(model.name));
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    if (!wanted) return undefined;
    let current = true;
    let stop = () => {};
    const fail = (why: string) => {
      if (!current) return;
      setError(why);
      setWanted(false);
    };
    const ask = async (): Promise<void> => {
      try {
        const answer = await photos.ask<FoundNeighbours>("/api/images/neighbours", photo, { model: model.name, count: COUNT });
        if (!current) return;
        if (answer.job === null) {
          ready.add(model.name);
          setFound(answer);
          return;
        }
        stop = follow(answer.job, setProgress, (failed) => {
          if (failed === null) void ask();
          else fail(failed);
        });
      } catch (raised) {
        fail((raised as Error).message);
      }
    };
    setError("");
    void ask();
    return () => {
      current = false;
      stop();
    };
  }, [wanted, photo.number, model.name]);

  return (
    <section class="card neighbours" aria-labelledby="neighbours">
      <h2 id="neighbours">{t("neighbours.title")}</h2>
      {!model.photographs && <p class="soft">{t("neighbours.unknown")}</p>}
      {model.photographs && !found && !wanted && (
        <>
          <p class="soft">{t("neighbours.first", { name: model.photographs })}</p>
          <button onClick={() => setWanted(true)}>{t("neighbours.find")}</button>
        </>
      )}
      {wanted && !found && <Working progress={progress} label={t("neighbours.title")} />}
      {error && <p class="error" role="alert">{error}</p>}
      {found && (
        <>
          <p class="soft">{t("neighbours.of", { of: found.of, name: found.source })}{found.changed && ` ${t("neighbours.changed")}`}</p>
          <ul class="thumbs">
            {found.neighbours.map((each, k) => (
              <li key={k}>
                <img src={each.picture} alt={t("neighbours.picture", { label: each.label.replace(/_/g, " ") })} title={each.name} />
                <span>{each.label.replace(/_/g, " ")}</span>
                <span class="soft">{each.alike.toFixed(3)}</span>
              </li>
            ))}
          </ul>
          <p class="soft hint">{t("neighbours.hint")}</p>
        </>
      )}
    </section>
  );
}
