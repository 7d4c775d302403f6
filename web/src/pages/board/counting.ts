// The end of a game: who owns what, with stones that can be said to be dead.
import { post } from "../../lib/api";
import { toVertex } from "../../lib/coords";
import { groupOf, messageOf } from "../../lib/go";
import { t } from "../../lib/text";
import type { Session } from "./session";

export interface Score {
  dead: string[];
  owner: number[];
  margin: number;
  result: string;
}

export class Counting {
  score: Score | null = null;
  /** Whether the score is that of the stones that are marked dead now. */
  settled = false;
  private pending: AbortController | null = null;

  constructor(private readonly session: Session) {}

  /** Count with these stones dead, or with those that the network takes for dead. */
  async begin(dead: string[] | null = null): Promise<void> {
    const { session } = this;
    session.opponent.cancel();
    this.pending?.abort();
    const pending = new AbortController();
    this.pending = pending;
    this.settled = false;
    if (session.mode !== "score") {
      session.mode = "score";
      session.refresh();
    }
    try {
      const position = messageOf(session.node, session.tree.root, session.rules);
      const score = await post<Score>("/api/score", { position, model: session.settings.model, dead }, pending.signal);
      if (pending.signal.aborted) return;
      this.score = score;
      this.settled = true;
      session.said = t("score.said", { result: score.result });
      session.changed();
    } catch (error) {
      if (pending.signal.aborted) return;
      session.say((error as Error).message, "error");
      // without a proposal all stones live, until one says otherwise
      if (dead === null) void this.begin([]);
    }
  }

  /** A group that was dead lives again, and the other way round. */
  toggle(point: number): void {
    const { position } = this.session;
    if (!this.score || position.stones[point] === 0) return;
    const dead = new Set(this.score.dead);
    const kill = !dead.has(toVertex(point));
    for (const each of groupOf(position, point)) {
      if (kill) dead.add(toVertex(each));
      else dead.delete(toVertex(each));
    }
    // shown at once; who owns what follows
    this.score = { ...this.score, dead: [...dead] };
    void this.begin([...dead]);
    this.session.changed();
  }

  /** Write the result into the record. */
  accept(): void {
    if (!this.score || !this.settled) return;
    const { result } = this.score;
    this.session.tree.set(this.session.tree.root, "RE", [result]);
    this.leave();
    this.session.refresh();
    this.session.say(t("score.written", { result }));
  }

  leave(): void {
    this.pending?.abort();
    this.score = null;
    this.settled = false;
    if (this.session.mode === "score") this.session.mode = "play";
  }
}
