// The training runs as the server tells them while they go on, and which of them are looked at.
import { events, get } from "../../lib/api";
import { Store } from "../../lib/store";

export interface Report {
  kind: "train" | "valid";
  step: number;
  samples: number;
  seconds: number;
  figures: Record<string, number>;
}

export interface Run {
  id: string;
  name: string;
  kind: string;
  running: boolean;
  changed: number;
  program: string;
  metric: string;
  learning_rate: number | null;
  progress: number | null;
  left: number | null;
  step: number;
  samples: number;
  seconds: number;
  train: Report | null;
  valid: Report | null;
  best: Report | null;
  reports: number;
  unread: number;
  described: number;
  predicted: number;
}

export interface PositionSample {
  black: string[];
  white: string[];
  to_play: string;
  last: string | null;
  played: string | null;
  probability: number | null;
  winrate: number | null;
  moves: { move: string; probability: number }[];
}

export interface PictureSample {
  picture: string;
  name: string;
  label: string;
  probability: number | null;
  answers: { label: string; probability: number }[];
}

export interface Whole {
  run: Run;
  asked: Record<string, unknown>;
  chosen: Record<string, unknown>;
  samples: { step: number; positions: PositionSample[]; pictures: PictureSample[] } | null;
}

/** Runs that are overlaid at most: as many colours can be told apart. */
export const MOST = 6;

export class Runs extends Store {
  /** Null until the server has told. */
  runs: Run[] | null = null;
  skipped: { name: string; why: string }[] = [];
  full = false;
  lost = false;
  error = "";
  chosen: string[] = fromHash();
  readonly reports = new Map<string, Report[]>();
  readonly wholes = new Map<string, Whole>();
  private readonly asked = new Map<string, string>();
  private stop = () => {};

  /** Follow the server until the returned function is called. */
  open(): () => void {
    this.listen();
    return () => this.stop();
  }

  get shown(): Run[] {
    return this.chosen.map((id) => this.runs?.find((run) => run.id === id)).filter((run) => run !== undefined);
  }

  /** The number of a run's colour, 0 to MOST - 1: it stays as long as the run is shown. */
  colour(id: string): number {
    return this.colours.indexOf(id);
  }

  private colours: (string | null)[] = [];

  toggle(id: string): void {
    const on = this.chosen.includes(id);
    if (!on && this.chosen.length >= MOST) return;
    this.choose(on ? this.chosen.filter((each) => each !== id) : [...this.chosen, id]);
  }

  private begun = false;

  private choose(ids: string[]): void {
    this.begun = true;
    this.chosen = ids;
    history.replaceState(history.state, "", location.pathname + (ids.length ? `#runs=${ids.join(",")}` : ""));
    this.listen();
    this.changed();
  }

  private listen(): void {
    this.stop();
    this.colours = this.colours.map((id) => (id !== null && this.chosen.includes(id) ? id : null));
    for (const id of this.chosen) {
      if (this.colours.includes(id)) continue;
      const free = this.colours.indexOf(null);
      this.colours[free < 0 ? this.colours.length : free] = id;
    }
    this.stop = events(
      `/api/runs/events?watch=${this.chosen.join(",")}`,
      {
        runs: (value: { runs: Run[]; skipped: Runs["skipped"]; full: boolean }) => {
          this.runs = value.runs;
          this.skipped = value.skipped;
          this.full = value.full;
          this.begin();
          this.refresh();
        },
        run: ({ run }: { run: Run }) => {
          this.runs = (this.runs ?? []).map((each) => (each.id === run.id ? run : each));
          this.refresh();
        },
        reports: ({ id, begin, reports }: { id: string; begin: number; reports: Report[] }) => {
          this.reports.set(id, [...(this.reports.get(id) ?? []).slice(0, begin), ...reports]);
          this.changed();
        },
        error: ({ error }: { error: string }) => {
          this.error = error;
          this.changed();
        },
      },
      (lost) => {
        if (lost === this.lost) return;
        this.lost = lost;
        this.changed();
      },
    );
  }

  /** Without a choice: what is training now, else what did last. */
  private begin(): void {
    if (this.begun || this.shown.length > 0 || !this.runs?.length) return;
    const running = this.runs.filter((run) => run.running);
    const latest = [...this.runs].sort((a, b) => b.changed - a.changed)[0];
    this.choose((running.length ? running : [latest]).slice(0, MOST).map((run) => run.id));
  }

  /** Ask for configuration and samples where they are others than before. */
  private refresh(): void {
    this.error = "";
    for (const run of this.shown) {
      const version = `${run.described} ${run.predicted}`;
      if (this.asked.get(run.id) === version) continue;
      this.asked.set(run.id, version);
      get<Whole>(`/api/runs/${run.id}`).then(
        (whole) => {
          if (this.asked.get(run.id) !== version) return;
          this.wholes.set(run.id, whole);
          this.changed();
        },
        (error: Error) => {
          if (this.asked.get(run.id) !== version) return;
          this.asked.delete(run.id);
          this.error = error.message;
          this.changed();
        },
      );
    }
    this.changed();
  }
}

function fromHash(): string[] {
  const found = /^#runs=([0-9a-f,]+)$/.exec(location.hash);
  return found ? [...new Set(found[1].split(",").filter(Boolean))].slice(0, MOST) : [];
}
