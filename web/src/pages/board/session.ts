// The board's game and what is done with it. One for the page, so that it is still there after a look at another page.
import { Analyst, type Judgement, type Question } from "../../lib/analyst";
import { post } from "../../lib/api";
import { PASS, toVertex } from "../../lib/coords";
import {
  RULE_SETS, groupOf, handicapPoints, illegal, komiOf, messageOf, positionOf, rulesOf, sideToPlay, type Position,
} from "../../lib/go";
import { fromHash } from "../../lib/link";
import { Store } from "../../lib/store";
import { t } from "../../lib/text";
import { Tree, makeNode, movesOf, writeSgf, type Colour, type FlatNode, type Node } from "../../lib/tree";
import { about, fitting, keep, kept, type About, type Settings } from "./settings";
import { setStone } from "./setup";

export interface Game {
  nodes: FlatNode[];
  trouble?: string;
  notes?: unknown[];
}

interface Played {
  move: string;
  probability: number | null;
  winrate: number | null;
  lead: number | null;
}

export interface Score {
  dead: string[];
  owner: number[];
  margin: number;
  result: string;
}

export type Mode = "play" | "setup" | "score";
export type Tool = 1 | -1 | 0;

export interface NewGame {
  handicap: number;
  komi: number;
  rules: string;
  black: "you" | "net";
  white: "you" | "net";
  level: string | null;
}

const KEPT = "board.sgf";
/** So long a network's move is seen before the next one, where it plays both sides. */
const PAUSE = 350;

export class Session extends Store {
  tree = new Tree();
  fileName = "";
  /** The games of the file that was opened last, where there are several. */
  games: Game[] = [];
  settings = kept();
  about: About | null = null;
  mode: Mode = "play";
  tool: Tool = 1;
  score: Score | null = null;
  /** A line for people: what went wrong, or was done. undo: what takes it back. */
  notice: { text: string; kind: "error" | "said"; undo?: () => void } | null = null;
  /** What a screen reader says of the last move. */
  said = "";
  /** Whether the network thinks about its move; whether it waits to be told to go on. */
  thinking = false;
  paused = false;
  readonly judgements = new WeakMap<Node, Judgement>();
  readonly first = new Analyst((judgement) => this.judge(judgement));
  readonly second = new Analyst();
  private asked: Node | null = null;
  private pending: AbortController | null = null;
  private scoring: AbortController | null = null;
  private saving = 0;

  get node(): Node {
    return this.tree.at;
  }

  get position(): Position {
    return positionOf(this.tree.at);
  }

  get side(): Colour {
    return sideToPlay(this.tree.at);
  }

  get rules(): string {
    return rulesOf(this.tree.root) ?? "chinese";
  }

  get model() {
    const models = this.about?.models ?? [];
    return models.find((model) => model.name === this.settings.model) ?? models[0];
  }

  /** Whether the game has ended here: by two passes, or a result at the last move. */
  get over(): boolean {
    return this.position.passes >= 2 || (this.node.children.length === 0 && /^[BW]\+R/i.test(this.tree.root.props.RE?.[0] ?? ""));
  }

  /** What the server has, and the game that was kept or that the address holds. */
  async begin(): Promise<void> {
    try {
      this.about = await about();
      this.settings = fitting(this.settings, this.about);
    } catch (error) {
      this.say((error as Error).message, "error");
    }
    if (!(await this.takeHash())) {
      const sgf = sessionStorage.getItem(KEPT);
      if (sgf && this.tree.root.children.length === 0) await this.open("", new Blob([sgf]), sessionStorage.getItem(KEPT + ".at") ?? "");
    }
    this.refresh();
  }

  /** Show the game that the address holds; whether there is one. */
  async takeHash(): Promise<boolean> {
    try {
      const found = await fromHash(location.hash);
      if (found) await this.open("", new Blob([found.sgf]), found.at);
      return found !== null;
    } catch {
      this.say(t("board.badLink"), "error");
      return false;
    }
  }

  set(change: Partial<Settings>): void {
    this.settings = { ...this.settings, ...change };
    keep(this.settings);
    if (!this.settings.compare) this.second.close();
    this.refresh();
    if (change.black || change.white) this.goOn();
  }

  say(text: string, kind: "error" | "said" = "said", undo?: () => void): void {
    this.notice = text ? { text, kind, undo } : null;
    this.changed();
  }

  // --- the place in the game ---

  go(node: Node): void {
    this.tree.go(node);
    this.moved();
  }

  step(count: number): void {
    const before = this.tree.at;
    this.tree.step(count);
    if (this.tree.at !== before) this.moved();
  }

  sibling(step: 1 | -1): void {
    const before = this.tree.at;
    this.tree.sibling(step);
    if (this.tree.at !== before) this.moved();
  }

  private moved(): void {
    this.cancel();
    this.leaveScore();
    this.notice = null;
    this.sayMove();
    this.refresh();
  }

  private sayMove(): void {
    const { last, moves } = this.position;
    const side = (colour: number) => t(colour === 1 ? "colour.black" : "colour.white");
    this.said = last ? t("board.saidMove", { number: moves, side: side(last.colour), move: this.named(last.point) }) : t("board.saidStart");
  }

  /** A move as people say it. */
  named(point: number): string {
    return point === PASS ? t("board.pass") : toVertex(point);
  }

  // --- playing ---

  /** What a click on a point does. */
  click(point: number): void {
    if (this.mode === "setup") {
      this.tree.go(setStone(this.tree, point, this.tool));
      this.notice = null;
      this.refresh();
    } else if (this.mode === "score") this.toggleDead(point);
    else this.play(point);
  }

  /** Play for the side to play; says why if it may not. */
  play(point: number): boolean {
    const move = { colour: this.side, point };
    const why = illegal(this.position, move, RULE_SETS[this.rules]);
    if (why) {
      this.say(t(`illegal.${why}`, { move: this.named(point) }), "error");
      return false;
    }
    this.tree.play(move);
    this.played();
    return true;
  }

  private played(): void {
    this.cancel();
    this.notice = null;
    this.sayMove();
    this.refresh();
    if (this.position.passes >= 2) void this.beginScore();
    else this.goOn();
  }

  /** Take the last move back, and the network's answer with it; what was read from a file stays. */
  undo(): void {
    const waiting = this.thinking;
    this.cancel();
    this.leaveScore();
    const one = () => {
      const node = this.tree.at;
      if (!node.parent) return;
      if (node.added && node.children.length === 0) this.tree.remove(node);
      else this.tree.go(node.parent);
    };
    one();
    const { black, white } = this.settings;
    // against the network one wants one's own turn again
    if (black !== white && !waiting && this.isNet(this.side) && this.tree.at.parent) one();
    if (/R/i.test(this.tree.root.props.RE?.[0] ?? "")) this.tree.set(this.tree.root, "RE", []);
    this.notice = null;
    this.sayMove();
    this.refresh();
  }

  private isNet(side: Colour): boolean {
    return (side === 1 ? this.settings.black : this.settings.white) === "net";
  }

  /** Whether the network is to play by itself here. */
  private goOn(): void {
    if (this.mode !== "play" || this.over || this.paused || !this.isNet(this.side) || this.node.children.length > 0) return;
    void this.askMove();
  }

  pause(paused: boolean): void {
    this.paused = paused;
    if (paused) this.cancel();
    else this.goOn();
    this.changed();
  }

  /** The network's move for the side to play. */
  async askMove(): Promise<void> {
    if (this.mode !== "play" || this.thinking) return;
    const { model, level, playVisits, temperature, style } = this.settings;
    const node = this.node;
    const pending = new AbortController();
    this.pending = pending;
    this.thinking = true;
    this.changed();
    try {
      const both = this.settings.black === "net" && this.settings.white === "net";
      const question = { position: messageOf(node, this.tree.root, this.rules), model, level, visits: level ? 0 : playVisits, temperature: level ? 0 : temperature, style };
      const [answer] = await Promise.all([
        post<Played>("/api/play", question, pending.signal),
        new Promise((done) => setTimeout(done, both ? PAUSE : 0)),
      ]);
      if (pending.signal.aborted) return;
      this.thinking = false;
      if (answer.move === "resign") this.resign();
      else {
        this.tree.play({ colour: this.side, point: answer.move === "pass" ? PASS : this.pointOfMove(answer.move) });
        this.played();
      }
    } catch (error) {
      if (pending.signal.aborted) return;
      this.thinking = false;
      this.say((error as Error).message, "error");
    }
  }

  private pointOfMove(vertex: string): number {
    for (let point = 0; point < PASS; point++) if (toVertex(point) === vertex) return point;
    throw new Error(t("board.oddMove", { move: vertex.slice(0, 12) }));
  }

  private cancel(): void {
    this.pending?.abort();
    this.pending = null;
    this.thinking = false;
  }

  /** The side to play gives up. */
  resign(): void {
    this.cancel();
    const winner = this.side === 1 ? "W" : "B";
    this.tree.set(this.tree.root, "RE", [`${winner}+R`]);
    this.say(t("board.resigned", { side: t(winner === "W" ? "colour.black" : "colour.white") }));
    this.refresh();
  }

  startGame(game: NewGame): void {
    this.cancel();
    this.leaveScore();
    const date = new Date().toLocaleDateString("sv");
    const name = (who: "you" | "net") => (who === "you" ? t("player.you") : `${this.model?.title ?? "gocnn"}${game.level ? ` ${game.level}` : ""}`);
    const root = makeNode({ GM: ["1"], FF: ["4"], CA: ["UTF-8"], SZ: ["19"], KM: [String(game.komi)], RU: [game.rules], PB: [name(game.black)], PW: [name(game.white)], DT: [date] });
    if (game.handicap > 1) Object.assign(root.props, { HA: [String(game.handicap)], AB: handicapPoints(game.handicap), PL: ["W"] });
    this.show(new Tree(root), "");
    this.paused = false;
    this.set({ black: game.black, white: game.white, level: game.level });
  }

  // --- scoring ---

  async beginScore(dead: string[] | null = null): Promise<void> {
    this.cancel();
    this.mode = "score";
    this.scoring?.abort();
    const scoring = new AbortController();
    this.scoring = scoring;
    this.changed();
    try {
      const position = messageOf(this.node, this.tree.root, this.rules);
      const score = await post<Score>("/api/score", { position, model: this.settings.model, dead }, scoring.signal);
      if (scoring.signal.aborted) return;
      this.score = score;
      this.said = t("score.said", { result: score.result });
      this.changed();
    } catch (error) {
      if (!scoring.signal.aborted) this.say((error as Error).message, "error");
    }
  }

  /** A group that is dead lives again, and the other way round. */
  private toggleDead(point: number): void {
    if (!this.score || this.position.stones[point] === 0) return;
    const group = groupOf(this.position, point).map(toVertex);
    const dead = new Set(this.score.dead);
    const kill = !dead.has(toVertex(point));
    for (const vertex of group) if (kill) dead.add(vertex);
    else dead.delete(vertex);
    this.score = { ...this.score, dead: [...dead] };
    void this.beginScore([...dead]);
  }

  /** Write the result into the record. */
  acceptScore(): void {
    if (!this.score) return;
    const { result } = this.score;
    this.tree.set(this.tree.root, "RE", [result]);
    this.leaveScore();
    this.say(t("score.written", { result }));
    this.refresh();
  }

  leaveScore(): void {
    this.scoring?.abort();
    this.score = null;
    if (this.mode === "score") this.mode = "play";
  }

  setMode(mode: Mode): void {
    this.cancel();
    this.leaveScore();
    this.notice = null;
    this.mode = mode;
    this.refresh();
  }

  // --- files ---

  /** Read a record (all its variations); of several games the first is shown and the others can be chosen. */
  async open(name: string, data: Blob, at = ""): Promise<void> {
    try {
      const { games } = await post<{ games: Game[] }>(`/api/sgf?name=${encodeURIComponent(name || "page.sgf")}`, data);
      const readable = games.filter((game) => game.nodes.length > 0);
      if (readable.length === 0) throw new Error(games[0]?.trouble || t("file.empty"));
      this.games = readable.length > 1 ? readable : [];
      this.choose(readable[0], name);
      if (at) this.tree.follow(at);
      this.refresh();
    } catch (error) {
      this.say(name ? t("file.bad", { name, why: (error as Error).message }) : (error as Error).message, "error");
    }
  }

  choose(game: Game, name = this.fileName): void {
    const size = game.nodes[0].props.SZ?.[0] ?? "19";
    if (size !== "19" && size !== "19:19") {
      this.say(t("file.size", { size }), "error");
      return;
    }
    this.mode = "play";
    this.show(Tree.from(game.nodes), name);
    if (game.trouble) this.say(game.trouble, "error");
    this.sayMove();
    this.refresh();
  }

  private show(tree: Tree, name: string): void {
    this.cancel();
    this.leaveScore();
    this.notice = null;
    this.tree = tree;
    this.fileName = name;
    if (name === "" && this.games.length > 0 && !this.games.some((game) => game.nodes[0].props === tree.root.props)) this.games = [];
  }

  // --- edits ---

  edit(name: string, values: string[], node: Node = this.node): void {
    this.tree.set(node, name, values);
    this.refresh();
  }

  remove(): void {
    const node = this.node;
    if (!node.parent) return;
    this.cancel();
    const back = this.tree.remove(node);
    this.refresh();
    this.say(t("tree.removed"), "said", () => {
      back();
      this.notice = null;
      this.refresh();
    });
  }

  promote(): void {
    this.tree.promote(this.node);
    this.refresh();
  }

  // --- what is shown ---

  private judge(judgement: Judgement): void {
    if (this.asked) this.judgements.set(this.asked, judgement);
  }

  question(node: Node, model: string | null): Question {
    const { hints, visits, symmetries, style, ownership } = this.settings;
    return { position: messageOf(node, this.tree.root, this.rules), model, visits: hints ? visits : 0, symmetries, style, level: null, ownership };
  }

  /** Ask about the position anew, and draw. */
  refresh(): void {
    const { hints, heat, ownership, compare, model, other } = this.settings;
    const wanted = this.mode !== "score" && (hints || heat || ownership);
    this.asked = this.node;
    // first of all, so that the network computes while the page draws
    if (wanted && this.about) this.first.ask(this.question(this.node, model));
    else if (!wanted) this.first.stop();
    if (wanted && compare && this.about) this.second.ask(this.question(this.node, other ?? this.about.models.at(-1)?.name ?? null));
    else this.second.stop();
    this.changed();
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.keepGame(), 400) as unknown as number;
  }

  private keepGame(): void {
    try {
      sessionStorage.setItem(KEPT, writeSgf(this.tree));
      sessionStorage.setItem(KEPT + ".at", this.tree.path);
    } catch {
      // too large to be kept: then it is not
    }
  }

  /** What the record's komi is, or the usual one. */
  get komi(): number | undefined {
    return komiOf(this.tree.root);
  }

  /** How many moves lead here. */
  get moves(): number {
    return this.position.moves;
  }

  /** Whether the node has a move of its own. */
  get hasMove(): boolean {
    return movesOf(this.node).length > 0;
  }
}

export const session = new Session();
