// Photographs: dropped, pasted, chosen or taken; what a classifier says of them, where it looks, what it has seen that is like them, and what it mixes up.
import { useEffect } from "preact/hooks";
import { Drop } from "../../parts/Drop";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { Camera } from "./Camera";
import { Details } from "./Details";
import { Evaluate } from "./Evaluate";
import { PICTURES, isPicture } from "../../lib/kinds";
import { photos } from "./session";
import { Sheet } from "./Sheet";
import "./photos.css";

function Intake() {
  const some = photos.photos.length > 0;
  return (
    <section class={some ? "card intake small" : "card intake"} aria-label={t("photos.intake")}>
      {!some && <p>{t("photos.about")}</p>}
      <div class="row">
        <Drop accept={PICTURES.join(",")} hint={t("photos.drop")} multiple wanted={isPicture} onFiles={(files) => photos.add(files)} />
        <Camera onPicture={(data) => photos.add([{ name: t("camera.name"), data }])} />
        <ModelChoice />
      </div>
      {!some && <Samples />}
      {!some && <p class="soft">{t("photos.limits")}</p>}
      {photos.unopened && <p class="error" role="alert">{photos.unopened}</p>}
      {photos.error && <p class="error" role="alert">{photos.error}</p>}
      {photos.open_ > 1 && (
        <p class="row" role="status">
          <progress max={photos.photos.length} value={photos.photos.length - photos.open_} aria-label={t("photos.progress")} />
          {t("photos.left", { count: photos.open_ })}
        </p>
      )}
    </section>
  );
}

export function ModelChoice() {
  useStore(photos);
  const models = photos.models ?? [];
  if (models.length < 2) return null;
  return (
    <label class="field">
      <span>{t("photos.model")}</span>
      <select value={photos.model ?? ""} onChange={(event) => photos.pick(event.currentTarget.value)}>
        {models.map(({ name, found, shipped }) => <option key={name} value={name}>{found ? t("photos.ofRuns", { name }) : shipped ? t("photos.ships", { name }) : name}</option>)}
      </select>
    </label>
  );
}

/** The drawn pictures that come along, where the classifier knows such dishes. */
function Samples() {
  useStore(photos);
  const known = photos.samples.filter((name, k) => k % 2 === 0 && photos.knows(name));
  if (known.length === 0) return null;
  return (
    <div class="row samples" role="group" aria-label={t("photos.samples")}>
      <span class="soft">{t("photos.samples")}</span>
      {known.map((name) => (
        <button key={name} class="sample" aria-pressed={photos.chosen?.sent?.picture === `sample:${name}`} onClick={() => photos.addSample(name)}>
          <img src={`/api/images/pictures/sample:${name}`} alt={t(`sample.${name.split("-")[0]}` as Parameters<typeof t>[0])} width="48" height="48" />
        </button>
      ))}
    </div>
  );
}

/** How a classifier comes about. */
function None() {
  return (
    <section class="card">
      <p>{t("photos.none")}</p>
      <pre tabIndex={0}><code>gocnn img-train my-photographs/ --out runs/photographs --minutes 30</code></pre>
      <p class="soft">{t("photos.layout")}</p>
      <button onClick={() => void photos.begin()}>{t("photos.again")}</button>
    </section>
  );
}

export default function PhotosPage() {
  useStore(photos);
  useEffect(() => void photos.begin(), []);
  const { models, opened, chosen } = photos;
  return (
    <div class="photospage">
      <h1 class="visually-hidden">{t("page.photos")}</h1>
      {models?.length === 0 ? <None /> : models ? <Intake /> : !photos.error && <p class="soft" role="status">{t("photos.waiting")}</p>}
      {!models && photos.error && <p class="card error" role="alert">{photos.error}</p>}
      {photos.opening && <p class="soft" role="status">{t("photos.opening")}</p>}
      {photos.photos.length > 1 && <Sheet />}
      {chosen && <Details key={chosen.number} photo={chosen} />}
      {opened && <Evaluate key={opened.name} model={opened} />}
    </div>
  );
}
