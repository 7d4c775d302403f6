// Station 5: a photograph bears pooling.
import { useEffect, useState } from "preact/hooks";
import { Drop } from "../../parts/Drop";
import { shareText } from "../../parts/Bars";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { Looking } from "../photos/Details";
import { PICTURES, isPicture } from "../../lib/kinds";
import type { OpenModel } from "../photos/messages";
import { called, isNumber } from "../photos/names";
import { ModelChoice } from "../photos/PhotosPage";
import { photos, useAsked, type Photo } from "../photos/session";
import { Augmenting } from "./Augmenting";
import { CodeLinks } from "./CodeLinks";
import { Exercises, numberIs } from "./Exercise";
import type { Merging } from "./messages";
import { whole } from "./numbers";
import { StageSheet } from "./StageSheet";
import "../photos/photos.css";

const ALL: readonly Merging[] = ["none", "max", "min", "mean", "every-second"];

interface Shrunken {
  model: string | null;
  pictures: { side: number; picture: string; answers: { name: string; probability: number }[] }[];
}

/** The classifier that comes with this station. */
const DRAWN = "drawn";

/** Classes that are named in a sentence, at most. */
const LISTED = 20;

/** After how many poolings the answer is still the first one. */
function kept({ pictures }: Shrunken): number {
  const first = pictures[0].answers[0]?.name;
  const other = pictures.findIndex(({ answers }) => answers[0]?.name !== first);
  return (other < 0 ? pictures.length : other) - 1;
}

function told(shrunken: Shrunken): string {
  const { pictures } = shrunken;
  if (pictures[0].answers.length === 0) return t("shrink.person");
  const label = called(pictures[0].answers[0].name);
  if (pictures.length === 1) return t("shrink.whole", { label });
  if (pictures[0].answers[0].probability < 0.5) return t("shrink.unsure", { label, share: shareText(pictures[0].answers[0].probability) });
  const last = kept(shrunken);
  const values = { label, side: pictures[last].side, pixels: whole(pictures[last].side ** 2), whole: whole(pictures[0].side ** 2) };
  if (last === pictures.length - 1) return t("shrink.always", values);
  return last === 0 ? t("shrink.never", values) : t("shrink.until", { ...values, next: pictures[last + 1].side, other: called(pictures[last + 1].answers[0].name) });
}

/** Whether the classifier does not know the dish of a drawn picture: then it is not asked about it, on no card. */
function isStrange(photo: Photo): boolean {
  const sample = photo.data === null ? photo.sent!.picture.split(":")[1] : null;
  return photos.opened !== null && sample !== null && !photos.knows(sample);
}

/** Why it is not asked, and what it could be asked about. */
function whyStrange({ name, classes }: OpenModel): string {
  if (classes.every(isNumber)) return t("shrink.numbered", { name, count: classes.length });
  const listed = classes.slice(0, LISTED).map(called).join(t("shrink.comma"));
  return t("shrink.strange", { name, classes: classes.length > LISTED ? listed + t("shrink.comma") + "…" : listed });
}

function Pooled({ photo, way }: { photo: Photo; way: Merging }) {
  useStore(photos);
  const { opened, models } = photos;
  const strange = isStrange(photo);
  const model = strange ? null : (opened?.name ?? null);
  const message = models && (opened || models.length === 0) ? { way, model } : null;
  const { value, current, error } = useAsked<Shrunken>("/api/images/lesson/shrinking", photo, message);
  return (
    <>
      {error && <p class="error" role="alert">{error}</p>}
      {value && (
        <div class={current ? "" : "stale"}>
          <ol class="shrunken">
            {value.pictures.map((each, k) => (
              <li key={k}>
                <img src={each.picture} alt={t("shrink.picture", { count: k, side: each.side })} />
                <span>{`${each.side} × ${each.side}`}</span>
                {each.answers[0] && <span class={each.answers[0].name === value.pictures[0].answers[0].name ? "same" : "other"}>{`${called(each.answers[0].name)} ${shareText(each.answers[0].probability)}`}</span>}
              </li>
            ))}
          </ol>
          <p role="status" class="said">{told(value)}</p>
          {strange && <p>{whyStrange(opened!)}</p>}
          {!strange && opened?.shipped && opened.name === DRAWN && <p>{t("shrink.drawn", { name: DRAWN })}</p>}
        </div>
      )}
    </>
  );
}

/** The picture that is looked at, and how to choose another. */
function Choice({ photo, onPhoto }: { photo: Photo; onPhoto: (photo: Photo) => void }) {
  useStore(photos);
  return (
    <section class="card" aria-label={t("photos.intake")}>
      <div class="row">
        {photos.samples.map((name) => (
          <button key={name} class="sample" aria-pressed={photo === photos.sample(name)} onClick={() => onPhoto(photos.sample(name))}>
            <img src={`/api/images/pictures/sample:${name}`} alt={photos.sample(name).name} width="40" height="40" />
          </button>
        ))}
      </div>
      <div class="row">
        <Drop accept={PICTURES.join(",")} hint={t("shrink.drop")} wanted={isPicture} onFiles={(files) => photos.add(files.slice(0, 1))} />
        <ModelChoice />
      </div>
      {photo.error && <p class="error" role="alert">{photo.error}</p>}
      {photos.unopened && <p class="error" role="alert">{photos.unopened}</p>}
      {photos.error && <p class="error" role="alert">{photos.error}</p>}
      {photos.models?.length === 0 && <p class="soft">{t("shrink.noModel")} <code>gocnn img-train my-photographs/ --out runs/photographs --minutes 30</code></p>}
      {photos.opening && <p class="soft" role="status">{t("photos.opening")}</p>}
    </section>
  );
}

function Station({ first }: { first: Photo }) {
  useStore(photos);
  const [photo, setPhoto] = useState(first);
  const [way, setWay] = useState<Merging>("max");
  const [label, setLabel] = useState<{ photo: Photo; name: string } | null>(null);
  const latest = photos.chosen;
  // what is dropped here is looked at here
  useEffect(() => {
    if (latest) setPhoto(latest);
  }, [latest]);
  const asked = photos.opened && !isStrange(photo) ? photos.opened : null;
  return (
    <>
      <Choice photo={photo} onPhoto={setPhoto} />
      <section class="card spaced" aria-labelledby="shrunken">
        <h2 id="shrunken">{t("shrink.title")}</h2>
        <div class="row" role="group" aria-label={t("pooling.switch")}>
          {ALL.map((each) => <button key={each} aria-pressed={each === way} onClick={() => setWay(each)}>{t(`pooling.${each}`)}</button>)}
        </div>
        <Pooled photo={photo} way={way} />
        <p class="soft hint">{t(`shrink.told.${way}`)}</p>
      </section>
      {asked && <StageSheet key={asked.name} photo={photo} model={asked} way={way} />}
      <div class="two">
        {asked && (
          <section class="card" aria-labelledby="looking">
            <h2 id="looking">{t("shrink.looking")}</h2>
            <p>{t("shrink.lookingHint")}</p>
            <Looking photo={photo} label={label?.photo === photo ? label.name : null} onLabel={(name) => setLabel({ photo, name })} />
          </section>
        )}
        <Augmenting photo={photo} />
      </div>
      <div class="two">
        <Exercises
          all={[
            { question: t("shrink.exercise1"), example: "64", judge: numberIs(8), answer: "8", why: t("shrink.why1") },
            { question: t("shrink.exercise2"), example: "100", judge: numberIs(81), answer: "81", why: t("shrink.why2") },
          ]}
        />
        <CodeLinks
          base="/api/images/lesson/code/"
          links={(["shrinking", "cnn", "gradcam", "augment"] as const).map((name) => ({ name, label: t(`shrink.code.${name}`) }))}
        />
      </div>
    </>
  );
}

export default function PhotoStation() {
  useStore(photos);
  useEffect(() => void photos.begin("/api/images/lesson/beginning"), []);
  const first = photos.chosen ?? (photos.samples.length > 0 ? photos.sample(photos.samples.find((name) => name.startsWith("pizza")) ?? photos.samples[0]) : null);
  return (
    <>
      <p class="claim">{t("shrink.claim")}</p>
      {first ? <Station first={first} /> : photos.error ? <p class="card error" role="alert">{photos.error}</p> : <p role="status">{t("photos.waiting")}</p>}
    </>
  );
}
