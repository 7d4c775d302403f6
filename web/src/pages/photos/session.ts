// The photographs that are looked at, and the classifier that is asked. One for the page, so that a picture goes along to the lecture.
import { Refused, bytes, events, get, post } from "../../lib/api";
import { isRecord } from "../../lib/kinds";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import type { DroppedFile } from "../../parts/Drop";
import { useQuestion, type Answered } from "../lesson/answers";
import type { ImageAnswer, ImageAnswers, ImageModel, OpenModel, Progress, SentPicture } from "./messages";

export const MOST_BYTES = 40 << 20;
export const MOST_PHOTOS = 200;

export interface Photo {
  number: number;
  name: string;
  /** The file; null for a sample, which the server has. */
  data: Blob | null;
  sent: SentPicture | null;
  /** The address of the picture as browsers show it. */
  shown: string;
  answers: ImageAnswer[] | null;
  /** Which classifier gave them. */
  by: string | null;
  error: string;
}

export class PhotoSession extends Store {
  models: ImageModel[] | null = null;
  /** The classifier that is asked: a name, or null before there is one. */
  model: string | null = null;
  opened: OpenModel | null = null;
  photos: Photo[] = [];
  chosen: Photo | null = null;
  samples: string[] = [];
  error = "";
  /** Why the classifier cannot be asked; stays until another one is. */
  unopened = "";
  private drawn = new Map<string, Photo>();
  private counted = 0;
  private waiting: Photo[] = [];
  private atWork = new Set<Photo>();
  private picked = false;

  /** Learn which classifiers there are; a run may have made one since. wish: a route that says which to begin with as long as nobody has chosen one, or pictures of one's own; without it the first. */
  async begin(wish?: string): Promise<void> {
    try {
      const [{ models }, { samples }] = await Promise.all([
        get<{ models: ImageModel[] }>("/api/images/models"),
        get<{ samples: string[] }>("/api/images/samples"),
      ]);
      this.models = models;
      this.samples = samples;
      this.error = "";
      this.changed();
      const settled = (): boolean => this.picked || this.photos.length > 0;
      let held = settled() ? this.model : null;
      if (wish && !settled()) {
        const { model } = await get<{ model: string | null }>(wish);
        // somebody may have chosen one meanwhile
        held = settled() ? this.model : model;
      }
      const kept = models.find(({ name }) => name === held) ?? models[0];
      if (kept && (kept.name !== this.model || !this.opened)) await this.open(kept.name);
    } catch (error) {
      this.error = (error as Error).message;
      this.changed();
      // until the server is there
      if (this.models === null) setTimeout(() => void this.begin(wish), 2000);
    }
  }

  get opening(): boolean {
    return !!this.models?.length && !this.opened && !this.unopened && !this.error;
  }

  /** Ask the classifier that somebody has chosen. */
  pick(name: string): void {
    this.picked = true;
    void this.open(name);
  }

  /** Ask another classifier. */
  async open(name: string): Promise<void> {
    this.model = name;
    this.opened = null;
    this.error = this.unopened = "";
    this.changed();
    try {
      const opened = await get<OpenModel>(`/api/images/model?model=${encodeURIComponent(name)}`);
      if (this.model !== name) return;
      this.opened = opened;
    } catch (error) {
      if (this.model === name) this.unopened = (error as Error).message;
    }
    this.changed();
    if (this.opened) this.queue(this.photos.filter((photo) => photo.sent && photo.by !== name));
  }

  /** Look at more pictures, the first of them at once. */
  add(files: readonly DroppedFile[]): void {
    const room = MOST_PHOTOS - this.photos.length;
    const record = files.find(({ name }) => isRecord(name));
    const others = files.filter(({ name }) => !isRecord(name));
    const added = others.slice(0, room).map(({ name, data }) => this.photo(name.split("/").pop()!, data));
    this.error = record
      ? t("drop.record", { name: record.name, board: t("page.board"), review: t("page.review") })
      : others.length > room ? t("photos.tooMany", { most: MOST_PHOTOS }) : "";
    this.take(added);
  }

  addSample(name: string): void {
    const photo = this.sample(name);
    if (this.photos.includes(photo)) this.choose(photo);
    else this.take([photo]);
  }

  /** A drawn picture that comes along, without looking at it. */
  sample(name: string): Photo {
    const key = `sample:${name}`;
    let photo = this.drawn.get(name);
    if (!photo) {
      // in the language that the page has by then
      photo = { ...this.photo("", null), get name() { return t(`sample.${name.split("-")[0]}` as Parameters<typeof t>[0]); } };
      photo.sent = { picture: key, name: photo.name, width: 96, height: 96, treated: [] };
      photo.shown = `/api/images/pictures/${key}`;
      this.drawn.set(name, photo);
    }
    return photo;
  }

  /** Whether the classifier knows the dish of a drawn picture. */
  knows(sample: string): boolean {
    return this.opened?.classes.includes(sample.split("-")[0]) ?? false;
  }

  /** The class of that name, null where the classifier has none. */
  known(label: string | null): string | null {
    return label !== null && this.opened?.classes.includes(label) ? label : null;
  }

  choose(photo: Photo): void {
    this.chosen = photo;
    this.changed();
  }

  remove(photo: Photo): void {
    const at = this.photos.indexOf(photo);
    this.photos = this.photos.filter((each) => each !== photo);
    this.waiting = this.waiting.filter((each) => each !== photo);
    release(photo);
    if (this.chosen === photo) this.chosen = this.photos[Math.min(at, this.photos.length - 1)] ?? null;
    this.changed();
  }

  clear(): void {
    for (const photo of [...this.photos]) this.remove(photo);
    this.error = "";
    this.changed();
  }

  /** How many are not answered yet. */
  get open_(): number {
    return this.waiting.length + this.atWork.size;
  }

  /** Ask something of a picture; one that the server has forgotten is sent again. */
  async ask<T>(path: string, photo: Photo, message: object, signal?: AbortSignal): Promise<T> {
    const asked = () => post<T>(path, { picture: photo.sent!.picture, ...message }, signal);
    try {
      return await asked();
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404 && photo.data)) throw error;
      await this.send(photo);
      return asked();
    }
  }

  private photo(name: string, data: Blob | null): Photo {
    return { number: this.counted++, name, data, sent: null, shown: "", answers: null, by: null, error: "" };
  }

  private take(added: Photo[]): void {
    if (added.length === 0) return this.changed();
    this.photos = [...this.photos, ...added];
    this.chosen = added[0];
    this.queue(added);
  }

  private queue(photos: Photo[]): void {
    this.waiting.push(...photos.filter((photo) => !this.waiting.includes(photo) && !this.atWork.has(photo)));
    // two at a time: one is sent while another is looked at
    while (this.atWork.size < 2 && this.waiting.length > 0) void this.work(this.waiting.shift()!);
    this.changed();
  }

  private async work(photo: Photo): Promise<void> {
    this.atWork.add(photo);
    try {
      if (!photo.sent) await this.send(photo);
      if (!photo.shown) photo.shown = await shownOf(photo.sent!.picture);
      this.changed();
      await this.predict(photo);
    } catch (error) {
      photo.error = (error as Error).message;
    }
    if (!this.photos.includes(photo)) release(photo);
    this.atWork.delete(photo);
    this.queue([]);
  }

  private async send(photo: Photo): Promise<void> {
    if (photo.data!.size > MOST_BYTES) throw new Error(t("photos.tooLarge", { name: photo.name, megabytes: MOST_BYTES >> 20 }));
    photo.sent = await post<SentPicture>(`/api/images/pictures?name=${encodeURIComponent(photo.name.slice(0, 200))}`, photo.data);
  }

  /** Ask the classifier, and another one that was chosen by the time of the answer; as long as the picture is there. */
  private async predict(photo: Photo): Promise<void> {
    while (this.opened && photo.by !== this.opened.name && this.photos.includes(photo)) {
      const model = this.opened.name;
      try {
        const { answers } = await this.ask<ImageAnswers>("/api/images/predict", photo, { model });
        if (this.model === model) Object.assign(photo, { answers, by: model, error: "" });
      } catch (error) {
        if (this.model === model) throw error;
      }
    }
  }
}

/** The browser need not keep the picture any more. */
function release(photo: Photo): void {
  if (photo.shown.startsWith("blob:")) URL.revokeObjectURL(photo.shown);
}

/** The picture, kept by the browser: the server forgets it one day. */
async function shownOf(key: string): Promise<string> {
  return URL.createObjectURL(await bytes(`/api/images/pictures/${key}`));
}

export const photos = new PhotoSession();

/** Ask a route about a picture, anew when the question changes; null asks nothing. The answer before is kept meanwhile. */
export function useAsked<T>(path: string, photo: Photo | null, message: object | null): Answered<T> {
  const question = photo?.sent && message ? `${path} ${photo.number} ${JSON.stringify(message)}` : "";
  return useQuestion(question, (signal) => photos.ask<T>(path, photo!, message!, signal));
}

/** Follow a job: progress until it is done (null) or has failed; returns how to stop that. */
export function follow(job: string, onProgress: (progress: Progress) => void, onEnd: (error: string | null) => void): () => void {
  let stop = () => {};
  const end = (error: string | null) => {
    stop();
    onEnd(error);
  };
  stop = events(`/api/images/jobs/${job}/events`, {
    progress: (progress: Progress) => onProgress(progress),
    done: () => end(null),
    error: ({ error }: { error: string }) => end(error),
  });
  return () => stop();
}
