// One board's analysis: asks `/api/analysis` about a position and holds what it answers.
import { Socket } from "./api";
import { strengthOf } from "./colours";
import { POINTS, fromVertex, toVertex } from "./coords";
import type { PositionMessage } from "./go";
import { said } from "./said";
import { Store } from "./store";

export interface AnalyseMessage {
  type: "analyse";
  id: number;
  position: PositionMessage;
  model: string | null;
  visits: number;
  symmetries: 1 | 8;
  style: string;
  level: string | null;
  ownership: boolean;
}

/** What the network says at once; numbers are those of the side to play. */
export interface Policy {
  type: "policy";
  id: number;
  policy: number[];
  to_play: "b" | "w";
  value: number | null;
  score: number | null;
  score_stdev: number | null;
  ownership: number[] | null;
}

export interface CandidateMove {
  move: string;
  prior: number;
  visits: number;
  winrate: number | null;
  lcb: number | null;
  lead: number | null;
  line: string[];
}

export interface Report {
  type: "report";
  id: number;
  visits: number;
  winrate: number | null;
  lead: number | null;
  moves: CandidateMove[];
  ownership: number[] | null;
  done: boolean;
}

interface Trouble {
  type: "error";
  id: number | null;
  error: string;
}

export type Question = Omit<AnalyseMessage, "type" | "id">;

/** What is known of a position, in Black's eyes. */
export interface Judgement {
  winrate: number | null;
  lead: number | null;
  visits: number;
}

export class Analyst extends Store {
  policy: Policy | null = null;
  report: Report | null = null;
  error = "";
  /** Whether there is a question. */
  asked = false;
  /** Whether the server is gone. */
  lost = false;
  /** 361 strengths from 0 to 1. */
  heat: Float32Array | null = null;
  /** The move whose line is looked at. */
  pointed: string | null = null;
  private id = 0;
  private socket: Socket<AnalyseMessage | { type: "stop" }, Policy | Report | Trouble> | null = null;

  /** Whether leads are shown: those of a network that does not say the score come from playouts, too coarse to be looked at. */
  scores = true;

  /** onJudgement: called whenever more is known of the position that was asked about last. */
  constructor(private readonly onJudgement: (judgement: Judgement) => void = () => {}) {
    super();
  }

  /** Ask about a position; what was asked before is at an end. Returns its number. */
  ask(question: Question): number {
    this.socket ??= new Socket(
      "/api/analysis",
      (message) => this.take(message),
      (lost) => {
        this.lost = lost;
        this.changed();
      },
    );
    this.id++;
    // the old colours stay until the new ones come, so that nothing flickers; old moves would be wrong
    this.report = null;
    this.pointed = null;
    this.error = "";
    this.asked = true;
    this.socket.send({ type: "analyse", id: this.id, ...question });
    return this.id;
  }

  /** Compute no further, and show nothing. */
  stop(): void {
    this.id++;
    this.policy = this.report = this.heat = this.pointed = null;
    this.error = "";
    this.asked = false;
    this.socket?.send({ type: "stop" });
    this.changed();
  }

  close(): void {
    this.stop();
    this.socket?.close();
    this.socket = null;
    this.lost = false;
  }

  point(move: string | null): void {
    if (this.pointed === move) return;
    this.pointed = move;
    this.changed();
  }

  /** Whether what is shown is of the position that was asked about last. */
  get current(): boolean {
    return this.policy !== null && this.policy.id === this.id;
  }

  /** The candidates, the best first: the search's, or the likeliest moves of the network alone. */
  candidates(most = 10): CandidateMove[] {
    if (!this.current) return [];
    if (this.report && this.report.moves.length > 0) {
      const moves = this.report.moves.slice(0, most);
      return this.scores ? moves : moves.map((each) => ({ ...each, lead: null }));
    }
    return likeliest(this.policy!, most);
  }

  /** 361 numbers, +1 for black. */
  ownership(): number[] | null {
    if (!this.current) return null;
    const mine = this.report?.ownership ?? this.policy!.ownership;
    return mine && (this.policy!.to_play === "b" ? mine : mine.map((owner) => -owner));
  }

  /** What is known of the position, in Black's eyes. */
  judgement(): Judgement | null {
    if (!this.current) return null;
    const black = this.policy!.to_play === "b";
    const winrate = this.report?.winrate ?? this.policy!.value;
    const lead = this.scores ? (this.report?.lead ?? this.policy!.score) : null;
    return {
      winrate: winrate === null ? null : black ? winrate : 1 - winrate,
      lead: lead === null ? null : black ? lead : -lead,
      visits: this.report?.visits ?? 0,
    };
  }

  private take(message: Policy | Report | Trouble): void {
    if (message.type === "error") {
      if (message.id !== null && message.id !== this.id) return;
      this.error = said(message.error);
      this.policy = this.report = this.heat = null;
    } else {
      if (message.id !== this.id) return;
      this.error = "";
      if (message.type === "report") this.report = message;
      else {
        this.policy = message;
        this.heat = Float32Array.from({ length: POINTS }, (_, point) => strengthOf(message.policy[point]));
      }
      const judgement = this.judgement();
      if (judgement) this.onJudgement(judgement);
    }
    this.changed();
  }
}

function likeliest(said: Policy, most: number): CandidateMove[] {
  const order = said.policy.map((probability, point) => [probability, point] as const).filter(([probability]) => probability > 0.001);
  order.sort((a, b) => b[0] - a[0]);
  return order.slice(0, most).map(([prior, point]) => {
    const move = toVertex(point);
    return { move, prior, visits: 0, winrate: null, lcb: null, lead: null, line: [move] };
  });
}

/** The stones of a line from a position, the first of that side; passes take a number and no point. */
export function stonesOfLine(line: readonly string[], first: 1 | -1): { point: number; sign: 1 | -1; number: number }[] {
  const stones = line.map((vertex, k) => ({ point: fromVertex(vertex), sign: (k % 2 === 0 ? first : -first) as 1 | -1, number: k + 1 }));
  const seen = new Set<number>();
  // a point that is taken again later shows its first stone
  return stones.filter(({ point }) => point >= 0 && point < POINTS && !seen.has(point) && seen.add(point));
}
