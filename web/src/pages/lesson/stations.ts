// The stations of the lecture, in their order; each is loaded when it is first shown.
import type { ComponentType } from "preact";
import type { TextKey } from "../../lib/text";

export interface Station {
  title: TextKey;
  load: () => Promise<{ default: ComponentType }>;
}

export const STATIONS: readonly Station[] = [
  { title: "lesson.1", load: () => import("./FieldStation") },
  { title: "lesson.2", load: () => import("./MapStation") },
  { title: "lesson.3", load: () => import("./SharingStation") },
  { title: "lesson.4", load: () => import("./PoolingStation") },
  { title: "lesson.5", load: () => import("./PhotoStation") },
  { title: "lesson.6", load: () => import("./ResidualStation") },
];
