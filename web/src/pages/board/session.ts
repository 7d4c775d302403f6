// The board's game and what is done with it. One for the page, so that it is still there after a look at another page.
import { Analyst, type Judgement, type Question } from "../../lib/analyst";
import { RULE_SETS, illegal, messageOf, positionOf, rulesOf, sideToPlay, type Position } from "../../lib/go";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import { beginningOf, Tree, type Colour, type Move, type Node } from "../../lib/tree";
import { Counting } from "./counting";
import { named } from "./numbers";
import { Opponent } from "./opponent";
import { Records } from "./records";
import { about, fitting, keep, kept, usable, type About, type Model, type Settings } from "./settings";
import { setMark, setStone, type Mark } from "./setup";

export type Mode = "play" | "setup" | "score";
export type Tool = 1 | -1 | 0 | Mark;

/** Properties that the network is asked with; others may change while it thinks. */
const ASKED = new Set(["AB", "AW", "AE", "PL", "HA", "KM", "RU"]);

export class Session extends Store {
  tree = new Tree();
  settings = kept();
  about: About | null = null;
  mode: Mode = "play";
  tool: Tool = 1;
  /** A line for people: what went wrong, or was done. undo: what takes it back. */
  notice: { text: string; kind: "error" | "said"; undo?: () => void } | null = null;
  /** What a screen reader says of the last move. */
  said = "";
  /** What the network said of the nodes that were looked at. */
  judgements = new WeakMap<Node, Judgement>();
  readonly first = new Analyst((judgement) => this.asked && this.judgements.set(this.asked, judgement));
  readonly second = new Analyst();
  readonly opponent = new Opponent(this);
  readonly counting = new Counting(this);
  readonly records = new Records(this);
  private asked: Node | null = null;
  /** Where a side gave up here, and the result that the record had before. */
  private resigned: { node: Node; result: string[] } | null = null;

  get node(): Node {
    return this.tree.at;
  }

  get position(): Position {
    return positionOf(this.tree.at);
  }

  get side(): Colour {
    return sideToPlay(this.tree.at);
  }

  /** How many moves lead here. */
  get moves(): number {
    return this.position.moves;
  }

  get rules(): string {
    return rulesOf(this.tree.root) ?? "chinese";
  }

  get model(): Model | undefined {
    const models = this.about?.models ?? [];
    return models.find((model) => model.name === this.settings.model) ?? models[0];
  }

  /** Whether anything on the board tells which moves the network thinks of. */
  get helped(): boolean {
    return this.settings.hints || this.settings.heat;
  }

  /** The network of the second board. */
  get otherModel(): Model | undefined {
    const models = this.about ? usable(this.about) : [];
    return models.find((model) => model.name === this.settings.other) ?? models.at(-1);
  }

  /** Whether the game has ended here: by two passes, or because a side gave up. */
  get over(): boolean {
    return this.position.passes >= 2 || this.resigned?.node === this.node;
  }

  /** Learn what the server has, and show the game of the address, or the one before the page was loaded anew. */
  async begin(): Promise<void> {
    try {
      this.about = await about();
      this.settings = fitting(this.settings, this.about);
    } catch (error) {
      this.say((error as Error).message, "error");
      // until it is there
      setTimeout(() => void this.begin(), 2000);
      return;
    }
    this.notice = null;
    if (this.tree.size === 1 && !(await this.records.restore())) await this.records.fromAddress();
    this.refresh();
  }

  set(change: Partial<Settings>): void {
    this.settings = { ...this.settings, ...change };
    keep(this.settings);
    if (!this.settings.compare) this.second.close();
    if ("model" in change || "style" in change) this.forget();
    this.refresh();
    if (change.black || change.white) this.opponent.goOn();
  }

  say(text: string, kind: "error" | "said" = "said", undo?: () => void): void {
    this.notice = text ? { text, kind, undo } : null;
    this.changed();
  }

  // --- the place in the game ---

  /** Another game. */
  show(tree: Tree): void {
    this.tree = tree;
    this.mode = this.mode === "setup" ? "play" : this.mode;
    this.arrived();
  }

  go(node: Node): void {
    this.tree.go(node);
    this.arrived();
  }

  step(count: number): void {
    const before = this.tree.at;
    this.tree.step(count);
    if (this.tree.at !== before) this.arrived();
  }

  sibling(step: 1 | -1): void {
    const before = this.tree.at;
    this.tree.sibling(step);
    if (this.tree.at !== before) this.arrived();
  }

  private arrived(): void {
    this.opponent.cancel();
    this.counting.leave();
    this.notice = null;
    const { last, moves } = this.position;
    const side = t(last?.colour === 1 ? "colour.black" : "colour.white");
    this.said = last ? t("board.saidMove", { number: moves, side, move: named(last.point) }) : t("board.saidStart");
    this.refresh();
  }

  // --- playing ---

  /** What a click on a point does. */
  click(point: number): void {
    if (this.mode === "score") this.counting.toggle(point);
    else if (this.mode === "setup") {
      this.notice = null;
      if (typeof this.tool === "string") {
        setMark(this.tree, point, this.tool);
        return this.edited();
      }
      this.tree.go(setStone(this.tree, point, this.tool));
      this.forget();
      this.refresh();
    } else this.play(point);
  }

  /** Play for the side to play; says why if it may not. */
  play(point: number): void {
    const move = { colour: this.side, point };
    const why = illegal(this.position, move, RULE_SETS[this.rules]);
    if (why) this.say(t(`illegal.${why}`, { move: named(point) }), "error");
    else this.playMove(move);
  }

  playMove(move: Move): void {
    this.tree.play(move);
    this.arrived();
    if (this.position.passes >= 2) void this.counting.begin();
    else this.opponent.goOn();
  }

  /** Whether there is anything to take back; handicap stones that a file has in a node of their own are not. */
  get canUndo(): boolean {
    const { node } = this;
    return this.resigned?.node === node || (node.parent !== null && (node.added === true || node !== beginningOf(this.tree.root)));
  }

  /** Take back that a side gave up, else the last move, and the network's answer with it; what was read from a file stays. */
  undo(): void {
    if (!this.canUndo) return;
    if (this.resigned?.node === this.node) {
      this.tree.set(this.tree.root, "RE", this.resigned.result);
      this.resigned = null;
      return this.arrived();
    }
    const waited = this.opponent.thinking;
    this.takeBack();
    // against the network one wants one's own turn again
    if (!this.opponent.playsBoth && !waited && this.opponent.plays(this.side) && this.node.parent) this.takeBack();
    this.arrived();
  }

  private takeBack(): void {
    const node = this.tree.at;
    if (!node.parent) return;
    if (node.added && node.children.length === 0) this.tree.remove(node);
    else this.tree.go(node.parent);
  }

  /** The side to play gives up. */
  resign(): void {
    // once: the result that the record had is to be had back
    if (this.resigned?.node === this.node) return;
    this.opponent.cancel();
    const loser = t(this.side === 1 ? "colour.black" : "colour.white");
    this.resigned = { node: this.node, result: this.tree.root.props.RE ?? [] };
    this.tree.set(this.tree.root, "RE", [`${this.side === 1 ? "W" : "B"}+R`]);
    this.refresh();
    this.say(t("board.resigned", { side: loser }));
  }

  setMode(mode: Mode): void {
    this.opponent.cancel();
    this.counting.leave();
    this.notice = null;
    this.mode = mode;
    this.refresh();
  }

  // --- edits ---

  edit(name: string, values: string[], node: Node = this.node): void {
    this.tree.set(node, name, values);
    if (ASKED.has(name)) {
      this.forget();
      return this.refresh();
    }
    this.edited();
  }

  /** What has changed is nothing that the network is asked with. */
  private edited(): void {
    this.changed();
    this.records.keepSoon();
  }

  remove(): void {
    if (!this.node.parent) return;
    const back = this.tree.remove(this.node);
    this.arrived();
    this.say(t("tree.removed"), "said", () => {
      back();
      this.arrived();
    });
  }

  promote(): void {
    this.tree.promote(this.node);
    this.refresh();
  }

  /** What the network was asked with has changed: what it said before is true no more. */
  private forget(): void {
    this.judgements = new WeakMap();
  }

  // --- what is shown ---

  question(node: Node, model: string | null): Question {
    const { hints, visits, symmetries, style, ownership } = this.settings;
    return { position: messageOf(node, this.tree.root, this.rules), model, visits: hints ? visits : 0, symmetries, style, level: null, ownership };
  }

  /** Ask about the position anew, and draw. */
  refresh(): void {
    const { hints, heat, ownership, compare, model } = this.settings;
    const wanted = this.about !== null && this.mode !== "score" && (hints || heat || ownership);
    this.asked = this.node;
    this.first.scores = this.model?.has_score ?? false;
    this.second.scores = this.otherModel?.has_score ?? false;
    // first of all, so that the network computes while the page draws
    if (wanted) this.first.ask(this.question(this.node, model));
    else this.first.stop();
    if (wanted && compare) this.second.ask(this.question(this.node, this.otherModel?.name ?? null));
    else if (compare) this.second.stop();
    this.changed();
    this.records.keepSoon();
  }
}

export const session = new Session();
