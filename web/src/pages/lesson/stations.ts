// The stations of the lecture, in their order; each is loaded when it is first shown.
import type { ComponentType } from "preact";
import type { TextKey } from "../../lib/text";

export interface Station {
  title: TextKey;
  /** null for one that this version does not have. */
  load: (() => Promise<{ default: ComponentType }>) | null;
}

export const STATIONS: readonly Station[] = [
  { title: "lesson.1", load: null },
  { title: "lesson.2", load: null },
  { title: "lesson.3", load: null },
  { title: "lesson.4", load: null },
  { title: "lesson.5", load: null },
  { title: "lesson.6", load: null },
];
