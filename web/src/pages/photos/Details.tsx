// One picture: the classes as bars, and where the classifier looks for one of them.
import { useMemo, useState } from "preact/hooks";
import { Bars, shareText } from "../../parts/Bars";
import { HeatPicture, HeatScale } from "../../parts/HeatPicture";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { useAnswer } from "../lesson/answers";
import { bytesOf, type ModelLayer, type OpenModel, type SeenWhere } from "./messages";
import { called } from "./names";
import { Neighbours } from "./Neighbours";
import { photos, useAsked, type Photo } from "./session";

const FEW = 8;

/** Which layer's maps are weighted: the last ones, until another is asked for, for which the server loads torch. */
function LayerChoice({ model, layer, onLayer }: { model: OpenModel; layer: string | null; onLayer: (layer: string | null) => void }) {
  const [wanted, setWanted] = useState(false);
  const { value, error } = useAnswer<{ layers: ModelLayer[] }>(`/api/images/layers?model=${encodeURIComponent(model.name)}`, wanted ? undefined : null);
  if (!wanted) return <button onClick={() => setWanted(true)}>{t("looking.other")}</button>;
  if (error) return <p class="error" role="alert">{error}</p>;
  if (!value) return <p role="status">{t("looking.opening")}</p>;
  const { layers } = value;
  const last = layers.length - 1;
  const number = layer === null ? last : layers.findIndex(({ name }) => name === layer);
  const { name, channels, height } = layers[number];
  return (
    <label class="slider">
      <span>{t("looking.layer", { number: number + 1, count: layers.length, name, side: height, channels })}</span>
      <input type="range" min={0} max={last} value={number} aria-valuetext={name} onInput={(event) => {
        const chosen = Number(event.currentTarget.value);
        onLayer(chosen === last ? null : layers[chosen].name);
      }} />
    </label>
  );
}

/** The picture, with the heat map of a class and a layer; `label` null, or a class that the classifier does not have, is the answer. */
export function Looking({ photo, label: wished, onLabel }: { photo: Photo; label: string | null; onLabel: (label: string) => void }) {
  useStore(photos);
  const { opened } = photos;
  const [layer, setLayer] = useState<{ model: string; name: string | null } | null>(null);
  const [shown, setShown] = useState(true);
  const [own, setOwn] = useState(false);
  const label = photos.known(wished);
  const name = layer?.model === opened?.name ? (layer?.name ?? null) : null;
  const message = opened && shown && !photo.error ? { label, layer: name, model: opened.name } : null;
  const { value, current, error } = useAsked<SeenWhere>("/api/images/explain", photo, message);
  const heat = useMemo(() => value && bytesOf(value.heat).map((each) => (own ? each : Math.round(each * value.peak))), [value, own]);
  const ratio = photo.sent ? photo.sent.width / photo.sent.height : 1;
  const told = value ? t(value.nothing ? "looking.nothing" : "looking.told", { label: called(value.label), share: shareText(value.probability) }) : "";
  return (
    <div class="looking">
      <HeatPicture src={photo.shown} label={photo.name} heat={shown && value && opened ? heat : null} side={value?.side ?? 0} ratio={ratio} middle={opened?.fit === "crop"} stale={!current} />
      {opened && (
        <>
          <p role="status" class="said">{told}</p>
          <HeatScale low={t("looking.low")} high={t("looking.high")} />
          <div class="row">
            <label class="field">
              <span>{t("looking.class")}</span>
              <select value={label ?? value?.label ?? photo.answers?.[0].name ?? ""} onChange={(event) => onLabel(event.currentTarget.value)}>
                {opened.classes.map((each) => <option key={each} value={each}>{each.replace(/_/g, " ")}</option>)}
              </select>
            </label>
            <label class="check"><input type="checkbox" checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} /> {t("looking.show")}</label>
            <label class="check"><input type="checkbox" checked={own} onChange={(event) => setOwn(event.currentTarget.checked)} /> {t("looking.own")}</label>
          </div>
          <LayerChoice key={opened.name} model={opened} layer={name} onLayer={(chosen) => setLayer({ model: opened.name, name: chosen })} />
          <p class="soft hint">{t("looking.hint")}</p>
        </>
      )}
      {error && <p class="error" role="alert">{error}</p>}
    </div>
  );
}

export function Details({ photo }: { photo: Photo }) {
  useStore(photos);
  const [label, setLabel] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const { answers, sent } = photo;
  const best = answers?.[0];
  return (
    <div class="details">
      <section class="card" aria-labelledby="photo">
        <div class="row">
          <h2 id="photo" class="photoname">{photo.name}</h2>
          {photos.photos.length === 1 && <button onClick={() => photos.remove(photo)}>{t("photos.away")}</button>}
        </div>
        {sent && photo.data && <p class="soft">{[t("photos.size", { width: sent.width, height: sent.height }), ...sent.treated.map((each) => t(`treated.${each}`))].join(" · ")}</p>}
        {photo.error ? <p class="error" role="alert">{photo.error}</p> : !photo.shown ? <p role="status">{t("sheet.waiting")}</p> : <Looking photo={photo} label={label} onLabel={setLabel} />}
      </section>
      <div class="right">
        {answers && best && (
          <section class="card" aria-labelledby="answers">
            <h2 id="answers">{t("answers.title")}</h2>
            <p class="big" role="status">{called(best.name)} <span class="soft">{shareText(best.probability)}</span></p>
            <Bars bars={all ? answers : answers.slice(0, FEW)} chosen={photos.known(label) ?? best.name} onChoose={setLabel} label={t("answers.title")} />
            {answers.length > FEW && <button onClick={() => setAll(!all)}>{all ? t("answers.few", { count: FEW }) : t("answers.all", { count: answers.length })}</button>}
            <p class="soft hint">{t("answers.hint", { count: answers.length })}</p>
          </section>
        )}
        {answers && photos.opened && <Neighbours key={photos.opened.name} photo={photo} model={photos.opened} />}
      </div>
    </div>
  );
}
