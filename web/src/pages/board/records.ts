// Where games come from: files, pastes, links, what the browser kept.
import { post } from "../../lib/api";
import { handicapPoints, tell, type Terms } from "../../lib/go";
import { keep, kept } from "../../lib/kept";
import { holdsGames, isPictureFile } from "../../lib/kinds";
import { fromHash } from "../../lib/link";
import { packed } from "../../lib/pack";
import { said } from "../../lib/said";
import { t } from "../../lib/text";
import { Tree, makeNode, writeSgf, type FlatNode } from "../../lib/tree";
import type { DroppedFile } from "../../parts/Drop";
import type { Session } from "./session";

/** A game of a file; one that cannot be shown has no nodes, and trouble says why. */
export interface Game extends Terms {
  name: string;
  nodes: FlatNode[];
  trouble: string;
  notes: string[];
}

interface File {
  games: Game[];
  /** What in the file is no game, and why. */
  skipped: string[];
}

export interface NewGame {
  handicap: number;
  /** undefined for a text that is none: then the game cannot be begun. */
  komi: number | undefined;
  rules: string;
  black: "you" | "net";
  white: "you" | "net";
  level: string | null;
  /** Whether hints and heat map are shown, null: as they are. */
  help: boolean | null;
}

const KEPT = "board.game";

/** The game as it is kept for the next load. hash: the link that it was opened by, or that was made of it. */
interface Kept {
  sgf: string;
  at: string;
  name: string;
  hash: string;
}

export class Records {
  fileName = "";
  /** The games of the file that was opened last, where there are several, and which is shown. */
  games: Game[] = [];
  chosen = 0;
  private saving = 0;
  private reading: AbortController | null = null;

  constructor(private readonly session: Session) {}

  /** Read the games of several files as those of one. */
  openAll(files: readonly DroppedFile[]): void {
    // a folder holds other things, too; a file that was chosen by itself is meant
    const records = files.length > 1 ? files.filter(({ name }) => holdsGames(name)) : files;
    if (records.length === 0) this.session.say(t("review.nothing"), "error");
    else if (records.length === 1) void this.open(records[0].name, records[0].data);
    else void this.open(t("review.files", { count: records.length }), packed(records));
  }

  /** Read a record (all its variations); of several games the first is shown and the others can be chosen. Says whether one is shown. */
  async open(name: string, data: Blob, at = ""): Promise<boolean> {
    const { session } = this;
    if (isPictureFile({ name, data })) {
      session.say(t("drop.picture", { name, page: t("page.photos") }), "error");
      return false;
    }
    // what was opened last is shown, whichever is read first
    this.reading?.abort();
    const reading = new AbortController();
    this.reading = reading;
    if (name) session.say(t("file.reading", { name }));
    try {
      const { games, skipped } = await post<File>(`/api/sgf?name=${encodeURIComponent(name || "page.sgf")}`, data, reading.signal);
      const readable = games.filter((game) => game.nodes.length > 0);
      const left = [...games.filter((game) => game.nodes.length === 0).map((game) => `${game.name}: ${said(game.trouble)}`), ...skipped.map(said)];
      if (readable.length === 0) throw new Error(said(games[0]?.trouble || skipped[0] || "") || t("file.empty"));
      this.games = readable.length > 1 ? readable : [];
      this.fileName = name;
      this.show(readable[0], 0);
      if (at) {
        session.tree.follow(at);
        session.refresh();
      }
      if (left.length > 0) session.say(t("file.left", { count: left.length, why: left[0] }), "error", session.notice?.undo);
      return true;
    } catch (error) {
      if (reading.signal.aborted) return false;
      const why = (error as Error).message;
      // most sentences begin with the file's name
      session.say(name && !why.startsWith(name) ? t("file.bad", { name, why }) : why, "error");
      return false;
    }
  }

  /** Another game of the file. */
  choose(index: number): void {
    this.reading?.abort();
    this.show(this.games[index], index);
  }

  private show(game: Game, index: number): void {
    this.chosen = index;
    // a copy, so that another look at the file shows it as it was
    const tree = Tree.from(structuredClone(game.nodes));
    tell(tree.root, game);
    this.replace(tree);
    if (game.trouble) this.session.say(said(game.trouble), "error", this.session.notice?.undo);
  }

  /** Show another game; one that was played or edited here can be had back. */
  private replace(tree: Tree): void {
    const { session } = this;
    const before = session.tree;
    session.show(tree);
    if (before.version > 0) session.say(t("file.replaced"), "said", () => session.show(before));
  }

  start(game: NewGame): void {
    const { session } = this;
    this.reading?.abort();
    const date = new Date().toLocaleDateString("sv");
    const net = `${session.model?.name ?? "gocnn"}${game.level ? ` ${game.level}` : ""}`;
    const name = (who: "you" | "net") => (who === "you" ? t("player.you") : net);
    const root = makeNode({
      GM: ["1"], FF: ["4"], CA: ["UTF-8"], SZ: ["19"], KM: [String(game.komi)], RU: [game.rules], PB: [name(game.black)], PW: [name(game.white)], DT: [date],
    });
    if (game.handicap > 1) Object.assign(root.props, { HA: [String(game.handicap)], AB: handicapPoints(game.handicap), PL: ["W"] });
    this.games = [];
    this.fileName = "";
    this.replace(new Tree(root));
    session.opponent.paused = false;
    session.set({ black: game.black, white: game.white, level: game.level, ...(game.help === null || game.help === session.helped ? {} : { hints: game.help, heat: game.help }) });
  }

  /** Show the game that the address holds; whether there is one. */
  async fromAddress(): Promise<boolean> {
    try {
      const found = await fromHash(location.hash);
      if (found) await this.open("", new Blob([found.sgf]), found.at);
      return found !== null;
    } catch {
      this.session.say(t("board.badLink"), "error");
      return false;
    }
  }

  /** Show the game as it was before the page was loaded anew; whether there is one. Where the address holds a game, only if it is that one, which may have been played on. */
  async restore(): Promise<boolean> {
    const value = kept(KEPT, true);
    if (!value) return false;
    const { sgf, at, name, hash } = JSON.parse(value) as Kept;
    const [loaded] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    if (location.hash && (location.hash !== hash || loaded?.type === "navigate")) return false;
    if (await this.open("", new Blob([sgf]), at)) this.fileName = name;
    return true;
  }

  /** Keep the game for the next load, a moment later. */
  keepSoon(): void {
    clearTimeout(this.saving);
    const { hash } = location;
    this.saving = setTimeout(() => {
      const { tree } = this.session;
      const game: Kept = { sgf: writeSgf(tree), at: tree.path, name: this.fileName, hash };
      // one that is larger than the browser keeps leaves none
      keep(KEPT, null, true);
      keep(KEPT, JSON.stringify(game), true);
    }, 400) as unknown as number;
  }
}
