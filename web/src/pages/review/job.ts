// A review at work on the server: files go there, its progress comes back, and its games can be opened.
import { events, get, post, remove } from "../../lib/api";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import { MOST_BYTES } from "./limits";
import type { DroppedFile } from "../../parts/Drop";
import { about, beginning, usable, type Model } from "../board/settings";
import type { Content } from "./content";
import { packed } from "../../lib/pack";
import { Reviewed } from "./reviewed";

export interface FoundGame {
  number: number;
  name: string;
  black: string;
  white: string;
  result: string;
  moves: number;
  agreement: [number | null, number | null];
  trouble: string;
  sgf: boolean;
}

interface FoundGames {
  state: "waiting" | "working" | "done" | "failed" | "cancelled";
  games: FoundGame[];
  skipped: string[];
}

interface Progress {
  games: number;
  of_games: number;
  moves: number;
  of_moves: number;
}

export class ReviewJob extends Store {
  state: "idle" | "sending" | "working" | "done" = "idle";
  error = "";
  name = "";
  progress: Progress | null = null;
  /** Whether the server is gone while there is work. */
  lost = false;
  games: FoundGame[] = [];
  skipped: string[] = [];
  /** The networks of the server, and the one that is asked (null: the first). */
  models: Model[] = [];
  model: string | null = null;
  /** Positions that each is searched for; 0: it is judged at a glance. */
  visits = 0;
  /** The game that is looked at. */
  chosen = -1;
  reviewed: Reviewed | null = null;
  private id = "";
  /** The game that is being opened, or is open; -1 if none is. */
  private opening = -1;
  /** How often the games were asked for, and which answer is shown: an earlier one may come later. */
  private looks = 0;
  private shown = 0;
  private stopListening = () => {};
  private sending: AbortController | null = null;

  get network(): Model | undefined {
    return this.models.find((model) => model.name === this.model) ?? this.models[0];
  }

  /** Whether there is work that goes on. */
  get busy(): boolean {
    return this.state === "sending" || this.state === "working";
  }

  /** Go on with the review that the address names, or name the one that there is. */
  async begin(again = false): Promise<void> {
    if (location.pathname !== "/review") return;
    const named = new URLSearchParams(location.hash.slice(1)); // as it is before anything is begun
    const id = named.get("job");
    const before = this.id;
    try {
      await this.learn();
      if (again) this.error = "";
      // a file may have been given meanwhile
      if (!id || id === this.id || this.id !== before || this.state === "sending") return this.note();
      this.stopListening();
      this.forget();
      this.id = id;
      this.model = named.get("model");
      this.visits = Number(named.get("visits")) || 0;
      this.listen(Number(named.get("game") ?? -1), Number(named.get("at")) || 0);
    } catch (error) {
      this.complain((error as Error).message);
      // until the server is there
      setTimeout(() => void this.begin(true), 2000);
    }
  }

  /** Learn which networks there are, and which of them works. */
  private async learn(): Promise<void> {
    const found = await about();
    this.models = usable(found);
    this.model ??= beginning(found);
    this.changed();
  }

  async start(files: DroppedFile[]): Promise<void> {
    this.cancel();
    this.forget();
    const data = files.length === 1 ? files[0].data : packed(files);
    this.name = files.length === 1 ? files[0].name : t("review.files", { count: files.length });
    if (data.size > MOST_BYTES) return this.fail(t("review.tooLarge", { megabytes: MOST_BYTES >> 20 }));
    this.state = "sending";
    this.changed();
    const sending = new AbortController();
    this.sending = sending;
    try {
      if (!this.model) await this.learn(); // a file may be dropped before they are known
      if (sending.signal.aborted) return;
      const query = new URLSearchParams({ name: this.name });
      if (this.model) query.set("model", this.model);
      if (this.visits && this.network?.has_value) query.set("visits", String(this.visits));
      const { job } = await post<{ job: string }>(`/api/review?${query}`, data, sending.signal);
      if (sending.signal.aborted) return void remove(`/api/jobs/${job}`);
      this.id = job;
      this.listen(-1, 0);
    } catch (error) {
      if (!sending.signal.aborted) this.fail((error as Error).message);
    }
  }

  /** Stop the work. A game that is open can be looked at further, the others are gone. */
  cancel(): void {
    this.sending?.abort();
    this.stopListening();
    if (this.busy && this.id) {
      remove(`/api/jobs/${this.id}`).catch(() => {});
      this.id = "";
      this.games = [];
      this.note();
    }
    this.state = "idle";
    this.progress = null;
    this.changed();
  }

  /** Ask another network, or look ahead otherwise, from the next review on. */
  choose(change: { model?: string; visits?: number }): void {
    Object.assign(this, change);
    this.changed();
  }

  /** Say what is wrong with what was given. */
  complain(sentence: string): void {
    this.error = sentence;
    this.changed();
  }

  /** Look at another game. */
  async open(number: number, at = 0): Promise<void> {
    const { id } = this;
    if (!id) return;
    this.opening = number;
    try {
      const content = await get<Content>(`/api/jobs/${id}/games/${number}`);
      // another one may be wanted by now
      if (id !== this.id || number !== this.opening) return;
      this.reviewed?.close();
      this.chosen = number;
      this.reviewed = new Reviewed(content, { model: this.model, scores: this.network?.has_score ?? false }, () => this.note());
      this.error = "";
      this.reviewed.go(at);
    } catch (error) {
      if (id !== this.id || number !== this.opening) return;
      this.opening = -1;
      this.error = (error as Error).message;
    }
    this.changed();
  }

  /** Where the game can be had as a file; null where it cannot. */
  address(number: number, kind: "sgf" | "html"): string | null {
    const game = this.games.find((each) => each.number === number);
    return this.id && game && (kind === "html" || game.sgf) ? `/api/jobs/${this.id}/games/${number}/${kind}` : null;
  }

  private listen(game: number, at: number): void {
    this.state = "working";
    this.lost = false;
    // a page that is loaded anew goes on listening; the server ends what nobody listens to
    if (!this.reviewed && game < 0) this.note();
    this.changed();
    const id = this.id;
    let asked = -1;
    const stop = events(`/api/jobs/${id}/events`, {
      progress: (progress: Progress) => {
        this.progress = progress;
        this.changed();
        if (progress.games > 0 && progress.games !== asked) void this.look(progress.of_games === 1 ? 0 : game, at);
        asked = progress.games;
      },
      done: () => {
        stop();
        void this.look(game, at).then(() => {
          if (id !== this.id) return;
          this.state = "done";
          this.changed();
        });
      },
      error: ({ error }: { error: string }) => {
        stop();
        this.fail(error);
      },
    } as Record<string, (value: never) => void>, (lost) => {
      this.lost = lost;
      this.changed();
    });
    this.stopListening = stop;
  }

  /** Learn which games are found; the one that is wished, or the only one, is opened. */
  private async look(wished: number, at: number): Promise<void> {
    const id = this.id;
    const turn = ++this.looks;
    try {
      const found = await get<FoundGames>(`/api/jobs/${id}`);
      if (id !== this.id || turn < this.shown) return;
      this.shown = turn;
      this.games = found.games;
      // the files that were given together are known by their own names
      const whole = `${this.name}:`;
      this.skipped = found.skipped.map((line) => (line.startsWith(whole) && line[whole.length] !== " " ? line.slice(whole.length) : line));
      const number = found.state === "done" && found.games.length === 1 ? 0 : wished;
      if (this.opening < 0 && number >= 0 && number < found.games.length) await this.open(number, at);
    } catch (error) {
      if (id !== this.id) return;
      this.error = (error as Error).message;
    }
    this.changed();
  }

  private fail(sentence: string): void {
    this.state = "idle";
    this.progress = null;
    this.id = this.games.length > 0 ? this.id : "";
    this.error = sentence;
    this.note();
    this.changed();
  }

  private forget(): void {
    this.reviewed?.close();
    this.reviewed = null;
    this.chosen = this.opening = -1;
    this.id = this.name = this.error = "";
    this.games = [];
    this.skipped = [];
  }

  /** Keep the place in the address, so that it is found again when the page is loaded anew. */
  private note(): void {
    if (location.pathname !== "/review") return;
    const values = new URLSearchParams();
    if (this.id) values.set("job", this.id);
    if (this.id && this.model) values.set("model", this.model);
    if (this.id && this.visits) values.set("visits", String(this.visits));
    if (this.id && this.reviewed) {
      values.set("game", String(this.chosen));
      values.set("at", String(this.reviewed.ply));
    }
    const text = values.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname);
  }
}

export const job = new ReviewJob();
