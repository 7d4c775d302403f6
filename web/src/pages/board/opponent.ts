// The network as a player: asks `/api/play` for its moves, by itself where it plays a side.
import { post } from "../../lib/api";
import { PASS, fromVertex } from "../../lib/coords";
import { messageOf } from "../../lib/go";
import { t } from "../../lib/text";
import type { Colour } from "../../lib/tree";
import type { Session } from "./session";

interface Played {
  move: string;
  probability: number | null;
  winrate: number | null;
  lead: number | null;
}

/** So many milliseconds a move is seen before the next one, where the network plays both sides. */
const PAUSE = 350;

export class Opponent {
  thinking = false;
  /** Whether it waits to be told to go on, where it plays both sides. */
  paused = false;
  private pending: AbortController | null = null;

  constructor(private readonly session: Session) {}

  plays(side: Colour): boolean {
    const { black, white } = this.session.settings;
    return (side === 1 ? black : white) === "net";
  }

  get playsBoth(): boolean {
    return this.plays(1) && this.plays(-1);
  }

  /** Play on if it is the network's turn at the end of the line. */
  goOn(): void {
    const { session } = this;
    const turn = session.mode === "play" && !session.over && !this.paused && session.node.children.length === 0;
    if (turn && this.plays(session.side)) void this.ask();
  }

  pause(paused: boolean): void {
    this.paused = paused;
    if (paused) this.cancel();
    else this.goOn();
    this.session.changed();
  }

  cancel(): void {
    this.pending?.abort();
    this.pending = null;
    this.thinking = false;
  }

  /** The network's move for the side to play. */
  async ask(): Promise<void> {
    const { session } = this;
    if (session.mode !== "play" || this.thinking) return;
    const { model, level, playVisits, temperature, style } = session.settings;
    const pending = new AbortController();
    this.pending = pending;
    this.thinking = true;
    session.notice = null;
    session.changed();
    const question = {
      position: messageOf(session.node, session.tree.root, session.rules),
      model,
      level,
      // a level chooses these itself
      visits: level ? 0 : playVisits,
      temperature: level ? 0 : temperature,
      style,
    };
    try {
      const [answer] = await Promise.all([
        post<Played>("/api/play", question, pending.signal),
        new Promise((done) => setTimeout(done, this.playsBoth ? PAUSE : 0)),
      ]);
      if (pending.signal.aborted) return;
      this.thinking = false;
      if (answer.move === "resign") return session.resign();
      const point = fromVertex(answer.move);
      if (point < 0 || point > PASS) throw new Error(t("board.oddMove", { move: answer.move.slice(0, 12) }));
      session.playMove({ colour: session.side, point });
    } catch (error) {
      if (pending.signal.aborted) return;
      this.thinking = false;
      this.paused = this.playsBoth;
      session.say((error as Error).message, "error");
    }
  }
}
