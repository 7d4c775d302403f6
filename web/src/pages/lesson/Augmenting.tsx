// Augmentation live: the lecture's recipe, with sliders, and what it makes of the picture.
import { useEffect, useState } from "preact/hooks";
import { t, type TextKey } from "../../lib/text";
import { useAsked, type Photo } from "../photos/session";

const LECTURE = { flip: 0.5, rotate: 15, affine_rotate: 10, shear: 10, shift: 0, scale: 0, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.2 };
type Setting = keyof typeof LECTURE;
const MOST: Record<Setting, number> = { flip: 1, rotate: 180, affine_rotate: 180, shear: 45, shift: 0.5, scale: 0.9, brightness: 1, contrast: 1, saturation: 1, hue: 0.5 };
const NOTHING = Object.fromEntries(Object.keys(LECTURE).map((key) => [key, 0])) as typeof LECTURE;
const COUNT = 12;

const inDegrees = (key: Setting) => key === "rotate" || key === "affine_rotate" || key === "shear";

function valueText(key: Setting, value: number): string {
  if (inDegrees(key)) return `±${value}°`;
  return key === "flip" ? `${Math.round(value * 100)} %` : `±${Math.round(value * 100)} %`;
}

export function Augmenting({ photo }: { photo: Photo }) {
  const [settings, setSettings] = useState(LECTURE);
  const [asked, setAsked] = useState({ ...LECTURE, seed: 1 });
  const [seed, setSeed] = useState(1);
  useEffect(() => {
    // not for every step of a slider that is drawn along
    const wait = setTimeout(() => setAsked({ ...settings, seed }), 200);
    return () => clearTimeout(wait);
  }, [settings, seed]);
  const { value, current, error } = useAsked<{ views: string[] }>("/api/images/lesson/augment", photo, { count: COUNT, ...asked });
  return (
    <section class="card" aria-labelledby="augmenting">
      <h2 id="augmenting">{t("augment.title")}</h2>
      <p>{t("augment.about")}</p>
      <div class="row">
        <button onClick={() => setSettings(LECTURE)}>{t("augment.lecture")}</button>
        <button onClick={() => setSettings(NOTHING)}>{t("augment.nothing")}</button>
        <button class="primary" onClick={() => setSeed(seed + 1)}>{t("augment.again")}</button>
      </div>
      <div class="settingsliders">
        {(Object.keys(LECTURE) as Setting[]).map((key) => (
          <label class="slider" key={key}>
            <span>{`${t(`augment.${key}` as TextKey)} ${valueText(key, settings[key])}`}</span>
            <input type="range" min={0} max={MOST[key]} step={inDegrees(key) ? 1 : 0.05} value={settings[key]} aria-valuetext={valueText(key, settings[key])} onInput={(event) => setSettings({ ...settings, [key]: Number(event.currentTarget.value) })} />
          </label>
        ))}
      </div>
      {error && <p class="error" role="alert">{error}</p>}
      {value && <div class={current ? "views" : "views stale"} role="img" aria-label={t("augment.views", { count: value.views.length })}>{value.views.map((view, k) => <img key={k} src={view} alt="" />)}</div>}
      <p class="soft hint">{t("augment.hint")}</p>
    </section>
  );
}
