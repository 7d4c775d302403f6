// What a review says of a game, as `gocnn.review.page.content` gives it, and the game tree made of it.
import { toSgf } from "../../lib/coords";
import { tell } from "../../lib/go";
import { Tree, makeNode, type Node, type Properties } from "../../lib/tree";

/** A point and the probability of a move there; 361 is a pass. */
export type Choice = [number, number];
/** A point and what stands on it: 0 nothing, 1 black, 2 white. */
export type Change = [number, 0 | 1 | 2];

export interface ReviewedMove {
  colour: 1 | 2;
  index: number;
  p: number;
  rank: number;
  legal: number;
  choices: Choice[];
  /** What a search would have played here, and how it goes on; left out without one. */
  line?: number[];
  setup?: Change[];
}

export interface Course {
  /** Black's probability to win and its lead, before each move and at the end. */
  wins: number[];
  lead: number[] | null;
  spread: number[] | null;
  /** Points that black's moves, and white's, lost on average; null where it was judged at a glance. */
  lost: [number | null, number | null] | null;
  /** The same after moves that another position follows than the one before the next move: move, winrate, lead. */
  after: [number, number, number | null][];
  /** Moves and how many points, or how much of the chance to win, they lost. */
  costly: [number, number][];
  drops: [number, number][];
}

/** Black's probability to win, and its lead, after a move. */
export function afterMove(course: Course, k: number): { win: number; lead: number | null } {
  const apart = course.after.find(([move]) => move === k);
  return apart ? { win: apart[1], lead: apart[2] } : { win: course.wins[k + 1], lead: course.lead?.[k + 1] ?? null };
}

/** Points that a move lost, of a course with a score; below 0: won. */
export function lostBy(course: Course, colour: 1 | 2, k: number): number {
  const change = course.lead![k] - afterMove(course, k).lead!;
  return colour === 1 ? change : -change;
}

export interface AgreementRow {
  side: "black" | "white" | "both";
  phase: "all" | "opening" | "middle" | "end";
  moves: number;
  top1: number;
  top5: number;
  log_likelihood: number;
}

export interface Content {
  name: string;
  black: string;
  white: string;
  result: string;
  network: string;
  /** Of the search of each position; 0: it was judged at a glance. */
  visits: number;
  trouble: string;
  komi: number;
  komi_stated: boolean;
  /** As the record has it, and by which it is counted. */
  rules: string;
  rules_name: string;
  rules_stated: boolean;
  handicap: number;
  moves: ReviewedMove[];
  /** A position without moves. */
  start: { setup: Change[]; colour: 1 | 2; choices: Choice[]; win: number | null; lead: number | null } | null;
  /** The record's comments, each with the number of moves before it. */
  comments: [number, string][];
  course: Course | null;
  /** Moves, counted from 0. */
  least: number[];
  agreement: AgreementRow[];
}

export interface ReviewedGame {
  tree: Tree;
  /** The node of the position before each move, and at the end. */
  line: Node[];
  /** How many moves there are at the nodes of the game itself. */
  plies: Map<Node, number>;
}

function setUpProps(changes: readonly Change[]): Properties {
  const props: Properties = {};
  for (const [point, stone] of changes) (props[(["AE", "AB", "AW"] as const)[stone]] ??= []).push(toSgf(point));
  return props;
}

/** The game as a tree with one line. */
export function gameOf(content: Content): ReviewedGame {
  const { black, white, result, rules, rules_name, komi, handicap, moves, start } = content;
  const setup = start?.setup ?? moves[0]?.setup ?? [];
  const root = makeNode({ GM: ["1"], SZ: ["19"], KM: [String(komi)], ...setUpProps(setup) });
  for (const [name, value] of [["PB", black], ["PW", white], ["RE", result], ["RU", rules], ["HA", handicap > 1 ? String(handicap) : ""]]) {
    if (value) root.props[name] = [value];
  }
  if (start) root.props.PL = [start.colour === 1 ? "B" : "W"];
  tell(root, { komi, handicap, rules: rules_name });
  const tree = new Tree(root);
  const line = [root];
  const plies = new Map([[root, 0]]);
  let at = root;
  const add = (props: Properties, ply: number) => {
    const node = makeNode(props, at);
    at.children.push(node);
    plies.set(node, ply);
    at = node;
  };
  moves.forEach((move, k) => {
    if (k > 0 && move.setup) {
      add(setUpProps(move.setup), k);
      line[k] = at;
    }
    add({ [move.colour === 1 ? "B" : "W"]: [toSgf(move.index)] }, k + 1);
    line.push(at);
  });
  for (const [ply, text] of content.comments) if (line[ply]) line[ply].props.C = [text];
  return { tree, line, plies };
}
