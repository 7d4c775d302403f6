// A reviewed game that is looked at: the place in it, and what is tried out from there.
import { Analyst } from "../../lib/analyst";
import { RULE_SETS, illegal, messageOf, positionOf, rulesOf, sideToPlay, type Position } from "../../lib/go";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import { lineTo, type Colour, type Node } from "../../lib/tree";
import { named } from "../board/numbers";
import { gameOf, type Content, type ReviewedGame } from "./content";

/** Positions that are looked ahead at where something is tried out. */
const VISITS = 200;

export interface LiveNetwork {
  /** Its name on the server, null for the first one. */
  model: string | null;
  scores: boolean;
}

export class Reviewed extends Store {
  readonly game: ReviewedGame;
  /** Whether the network's choices are drawn. */
  choices = true;
  /** Whether the game's own positions are analysed as well. */
  live = false;
  notice = "";
  /** What a screen reader says of the place. */
  said = "";
  /** null where there is no server to ask, as in a page that was saved. */
  readonly analyst: Analyst | null;
  /** Moves worth a look, counted from 0, in the order of the game. */
  readonly worth: number[];

  /** onMove: called with the number of moves before the place in the game. */
  constructor(
    readonly content: Content,
    private readonly network: LiveNetwork | null,
    private readonly onMove: (ply: number) => void = () => {},
  ) {
    super();
    this.game = gameOf(content);
    this.analyst = network && new Analyst();
    if (this.analyst) this.analyst.scores = network!.scores;
    const { least, course } = content;
    const lost = (course?.lead ? course.costly : course?.drops) ?? [];
    this.worth = [...new Set([...least, ...lost.map(([k]) => k)])].sort((a, b) => a - b);
  }

  get node(): Node {
    return this.game.tree.at;
  }

  get position(): Position {
    return positionOf(this.node);
  }

  get side(): Colour {
    return sideToPlay(this.node);
  }

  get trying(): boolean {
    return !this.game.plies.has(this.node);
  }

  /** Moves of the game before this place; in what is tried out, before the place where that began. */
  get ply(): number {
    for (let node: Node | null = this.node; node; node = node.parent) {
      const ply = this.game.plies.get(node);
      if (ply !== undefined) return ply;
    }
    return 0;
  }

  /** The nodes that are tried out, up to here. */
  get tried(): Node[] {
    return lineTo(this.node).filter((node) => !this.game.plies.has(node));
  }

  /** Whether the network is asked about what is shown. */
  get analysing(): boolean {
    return this.analyst !== null && (this.trying || this.live);
  }

  /** To the position before this move, counted from 0. */
  go(ply: number): void {
    const { line, tree } = this.game;
    tree.go(line[Math.max(0, Math.min(line.length - 1, Math.round(ply)))]);
    this.arrived();
  }

  step(count: number): void {
    if (!this.trying) return this.go(this.ply + count);
    const { tree } = this.game;
    if (count > 0) tree.step(count);
    else {
      for (let k = 0; k > count && this.trying; k--) tree.step(-1);
      // the setup of stones has a node of its own
      if (!this.trying) return this.go(this.ply);
    }
    this.arrived();
  }

  /** To the next (or previous) move that is worth a look. */
  look(step: 1 | -1): void {
    const found = step > 0 ? this.worth.find((k) => k > this.ply) : this.worth.filter((k) => k < this.ply).at(-1);
    if (found !== undefined) this.go(found);
  }

  /** Try a move. */
  play(point: number): void {
    const move = { colour: this.side, point };
    const rules = RULE_SETS[this.rules];
    const why = illegal(this.position, move, rules);
    if (why) {
      this.notice = t(`illegal.${why}`, { move: named(point) });
      this.changed();
      return;
    }
    this.game.tree.play(move);
    // it may have been the game's own move
    if (this.trying) this.arrived();
    else this.go(this.ply);
  }

  /** Take the last tried move back. */
  takeBack(): void {
    if (this.trying) this.step(-1);
  }

  /** Back to the game. */
  leave(): void {
    this.go(this.ply);
  }

  set(change: { choices?: boolean; live?: boolean }): void {
    Object.assign(this, change);
    this.ask();
    this.changed();
  }

  /** Nobody looks at it: the network may rest. */
  close(): void {
    this.analyst?.close();
  }

  /** It is looked at again. */
  resume(): void {
    if (this.analysing) this.ask();
  }

  private get rules(): string {
    return rulesOf(this.game.tree.root) ?? "chinese";
  }

  private arrived(): void {
    this.notice = "";
    const { last } = this.position;
    const side = t(last?.colour === 1 ? "colour.black" : "colour.white");
    const number = this.position.moves;
    this.said = last ? t("board.saidMove", { number, side, move: named(last.point) }) : t("board.saidStart");
    this.ask();
    this.changed();
    this.onMove(this.ply);
  }

  private ask(): void {
    if (!this.analyst) return;
    if (!this.analysing) return this.analyst.stop();
    const position = messageOf(this.node, this.game.tree.root, this.rules);
    this.analyst.ask({ position, model: this.network!.model, visits: VISITS, symmetries: 1, style: "any", level: null, ownership: false });
  }
}
