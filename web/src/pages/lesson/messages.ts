// What the server answers below /api/lesson; arrays by points have 361 numbers, from A1 on.

export interface LayerInside {
  number: number;
  part: "stem" | "block" | "head";
  block: number;
  place: number;
  kernel: number;
  dilation: number;
  inputs: number;
  outputs: number;
  side: number;
  sees_all: boolean;
  weights: number;
  fully_connected: number;
  normalised: boolean;
  relu: boolean;
}

export interface NetworkInside {
  model: string;
  planes: string[];
  layers: LayerInside[];
  dense: number;
  lecture: { input: [number, number, number]; neurons: number; weights: number; shared: number };
}

export interface SeenField {
  map: number;
  value: number;
  rows: [number, number];
  columns: [number, number];
  influence: number[];
  outside: number;
}

export interface LayerMaps {
  count: number;
  low: number[];
  high: number[];
  values: string;
}

export interface Window {
  input: number;
  window: number[];
  filter: number[];
  sum: number;
}

export interface PointProducts {
  windows: Window[];
  total: number;
  bias: number;
  scale: number;
  shift: number;
  relu: boolean;
  value: number;
}

export interface MovedMap {
  map: number;
  before: number[];
  expected: number[];
  after: number[];
  compared: number[];
  difference: number | null;
  overall: number;
  largest: number;
  weights: number;
}

export interface Moved {
  stones: number[];
  shared: MovedMap;
  own: MovedMap;
}

export type Merging = "none" | "max" | "min" | "mean" | "every-second";

export interface LittleNetwork {
  merging: Merging;
  policy: number[];
  samples: number;
  positions: number;
  top1: number;
  low: number;
  high: number;
  top5: number;
}

export interface MergedBoard {
  merging: Merging;
  side: number;
  black: number[];
  white: number[];
}

export interface PooledPosition {
  boards: MergedBoard[];
  networks: LittleNetwork[];
}

export interface Code {
  path: string;
  name: string;
  line: number;
  text: string;
}
