// What the server answers below /api/images; heat maps and feature maps are bytes row by row from the top, in base64.

export interface ImageModel {
  name: string;
  /** Whether it is one of the server's runs. */
  found: boolean;
  /** Whether it came with the program. */
  shipped: boolean;
}

export interface ModelLayer {
  name: string;
  channels: number;
  height: number;
  width: number;
}

export interface OpenModel {
  name: string;
  shipped: boolean;
  classes: string[];
  kind: string;
  size: number;
  fit: "squash" | "crop";
  photographs: string;
}

export type Treatment = "turned" | "transparent" | "cmyk" | "deep" | "first" | "grey";

export interface SentPicture {
  picture: string;
  name: string;
  width: number;
  height: number;
  treated: Treatment[];
}

export interface ImageAnswer {
  name: string;
  probability: number;
}

export interface ImageAnswers {
  model: string;
  answers: ImageAnswer[];
}

export interface SeenWhere {
  model: string;
  label: string;
  probability: number;
  side: number;
  heat: string;
  /** Of the heat's largest value, times the probability: as a share of the answer's, if that is more. */
  peak: number;
  nothing: boolean;
  seen: string;
}

export interface Neighbour {
  name: string;
  label: string;
  alike: number;
  picture: string;
}

export interface FoundNeighbours {
  job: string | null;
  neighbours: Neighbour[];
  of: number;
  source: string;
  changed: boolean;
}

export interface Figures {
  pictures: number;
  accuracy: number;
  accuracy_interval: [number, number];
  top3: number;
  top3_interval: [number, number];
  loss: number;
  classes: { name: string; pictures: number; answered: number; precision: number | null; recall: number | null; f1: number | null }[];
  confusion: number[][];
  calibration_error: number;
}

export interface Evaluation {
  job: string | null;
  figures: Figures | null;
  source: string;
  changed: boolean;
  learnt_from: number | null;
}

export interface Cell {
  count: number;
  pictures: { name: string; picture: string; answers: ImageAnswer[] }[];
}

export interface Progress {
  pictures: number;
  of_pictures: number;
}

/** The bytes of a map. */
export function bytesOf(coded: string): Uint8Array {
  return Uint8Array.from(atob(coded), (character) => character.charCodeAt(0));
}
