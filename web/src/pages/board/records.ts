// Where games come from: files, pastes, links, what the browser kept.
import { post } from "../../lib/api";
import { handicapPoints } from "../../lib/go";
import { isPictureFile } from "../../lib/kinds";
import { fromHash } from "../../lib/link";
import { said } from "../../lib/said";
import { t } from "../../lib/text";
import { Tree, makeNode, writeSgf, type FlatNode } from "../../lib/tree";
import type { Session } from "./session";

/** A game of a file; one that cannot be shown has no nodes, and trouble says why. */
export interface Game {
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
  komi: number;
  rules: string;
  black: "you" | "net";
  white: "you" | "net";
  level: string | null;
}

const KEPT = "board.sgf";

export class Records {
  fileName = "";
  /** The games of the file that was opened last, where there are several, and which is shown. */
  games: Game[] = [];
  chosen = 0;
  private saving = 0;

  constructor(private readonly session: Session) {}

  /** Read a record (all its variations); of several games the first is shown and the others can be chosen. */
  async open(name: string, data: Blob, at = ""): Promise<void> {
    const { session } = this;
    if (isPictureFile({ name, data })) return session.say(t("drop.picture", { name, page: t("page.photos") }), "error");
    if (name) session.say(t("file.reading", { name }));
    try {
      const { games, skipped } = await post<File>(`/api/sgf?name=${encodeURIComponent(name || "page.sgf")}`, data);
      const readable = games.filter((game) => game.nodes.length > 0);
      if (readable.length === 0) throw new Error(said(games[0]?.trouble || skipped[0] || "") || t("file.empty"));
      this.games = readable.length > 1 ? readable : [];
      this.fileName = name;
      this.show(readable[0], 0);
      if (at) {
        session.tree.follow(at);
        session.refresh();
      }
    } catch (error) {
      const why = (error as Error).message;
      // most sentences begin with the file's name
      session.say(name && !why.startsWith(name) ? t("file.bad", { name, why }) : why, "error");
    }
  }

  /** Another game of the file. */
  choose(index: number): void {
    this.show(this.games[index], index);
  }

  private show(game: Game, index: number): void {
    this.chosen = index;
    // a copy, so that another look at the file shows it as it was
    this.session.show(Tree.from(structuredClone(game.nodes)));
    if (game.trouble) this.session.say(said(game.trouble), "error");
  }

  start(game: NewGame): void {
    const { session } = this;
    const date = new Date().toLocaleDateString("sv");
    const net = `${session.model?.name ?? "gocnn"}${game.level ? ` ${game.level}` : ""}`;
    const name = (who: "you" | "net") => (who === "you" ? t("player.you") : net);
    const root = makeNode({
      GM: ["1"], FF: ["4"], CA: ["UTF-8"], SZ: ["19"], KM: [String(game.komi)], RU: [game.rules], PB: [name(game.black)], PW: [name(game.white)], DT: [date],
    });
    if (game.handicap > 1) Object.assign(root.props, { HA: [String(game.handicap)], AB: handicapPoints(game.handicap), PL: ["W"] });
    this.games = [];
    this.fileName = "";
    session.show(new Tree(root));
    session.opponent.paused = false;
    session.set({ black: game.black, white: game.white, level: game.level });
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

  /** The game as it was before the page was loaded anew. */
  async restore(): Promise<void> {
    const sgf = sessionStorage.getItem(KEPT);
    if (sgf) await this.open("", new Blob([sgf]), sessionStorage.getItem(KEPT + ".at") ?? "");
  }

  /** Keep the game for the next load, a moment later. */
  keepSoon(): void {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => {
      try {
        sessionStorage.setItem(KEPT, writeSgf(this.session.tree));
        sessionStorage.setItem(KEPT + ".at", this.session.tree.path);
      } catch {
        // larger than the browser keeps: then it is not kept
      }
    }, 400) as unknown as number;
  }
}
