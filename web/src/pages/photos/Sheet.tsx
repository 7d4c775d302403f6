// Several pictures at once: each with what is said of it.
import { shareText } from "../../parts/Bars";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { called } from "./names";
import { photos, type Photo } from "./session";

/** Remove a picture; the focus goes to the next one, since it would be lost with the button. */
function removed(photo: Photo, tile: Element): void {
  (tile.nextElementSibling ?? tile.previousElementSibling)?.querySelector<HTMLElement>(".remove")?.focus();
  photos.remove(photo);
}

function Tile({ photo }: { photo: Photo }) {
  const best = photo.answers?.[0];
  const told = photo.error || (best ? `${called(best.name)} ${shareText(best.probability)}` : t("sheet.waiting"));
  return (
    <li class="tile">
      <button class="choose" aria-pressed={photos.chosen === photo} onClick={() => photos.choose(photo)}>
        {photo.shown ? <img src={photo.shown} alt="" loading="lazy" /> : <span class="nopicture" aria-hidden="true">{photo.error ? "✗" : "…"}</span>}
        <span class="name">{photo.name}</span>
        <span class={photo.error ? "told error" : "told"}>{told}</span>
      </button>
      <button class="remove" aria-label={t("sheet.remove", { name: photo.name })} title={t("sheet.remove", { name: photo.name })} onClick={(event) => removed(photo, event.currentTarget.parentElement!)}>×</button>
    </li>
  );
}

/** How often each class was answered. */
function counted(): string {
  const counts = new Map<string, number>();
  for (const { answers } of photos.photos) if (answers) counts.set(answers[0].name, (counts.get(answers[0].name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${count} × ${called(name)}`).join(", ");
}

export function Sheet() {
  useStore(photos);
  const said = counted();
  return (
    <section class="card sheet" aria-labelledby="sheet">
      <div class="row">
        <h2 id="sheet">{t("sheet.title", { count: photos.photos.length })}</h2>
        <button onClick={() => photos.clear()}>{t("sheet.clear")}</button>
      </div>
      {said && <p class="soft">{said}</p>}
      <ul class="tiles">{photos.photos.map((photo) => <Tile key={photo.number} photo={photo} />)}</ul>
    </section>
  );
}
