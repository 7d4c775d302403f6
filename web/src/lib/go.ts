// Positions of a game tree: stones, captures, ko and what the rules forbid; kept along the lines that were looked at.
import GoBoard, { type Vertex } from "@sabaki/go-board";
import { PASS, POINTS, SIZE, toVertex } from "./coords";
import { lineTo, movesOf, pointsOf, setsUp, type Colour, type Move, type Node, type Properties } from "./tree";

/** What a rule set says of repetition and suicide (`gocnn.engine.rulesets`); a single stone's suicide is never legal. */
export interface RuleSet {
  ko: "simple" | "positional" | "situational";
  suicide: boolean;
}

export const RULE_SETS: Record<string, RuleSet> = {
  chinese: { ko: "simple", suicide: false },
  "chinese-kgs": { ko: "positional", suicide: false },
  "chinese-ogs": { ko: "positional", suicide: false },
  japanese: { ko: "simple", suicide: false },
  korean: { ko: "simple", suicide: false },
  aga: { ko: "situational", suicide: false },
  bga: { ko: "situational", suicide: false },
  french: { ko: "situational", suicide: false },
  "new-zealand": { ko: "situational", suicide: true },
  "tromp-taylor": { ko: "positional", suicide: true },
  ing: { ko: "positional", suicide: true },
  "stone-scoring": { ko: "simple", suicide: false },
  "ancient-area": { ko: "simple", suicide: false },
  "ancient-territory": { ko: "simple", suicide: false },
};

export type Why = "occupied" | "ko" | "suicide" | "superko";

export interface Position {
  readonly board: GoBoard;
  /** 361 signs: 1 black, -1 white. */
  readonly stones: Int8Array;
  /** Stones that each side has taken. */
  readonly captures: { black: number; white: number };
  /** Moves since the root, passes among them. */
  readonly moves: number;
  /** Passes in a row up to here. */
  readonly passes: number;
  readonly last: Move | null;
  /** Where stones were set up last, or nothing was yet. */
  readonly origin: Position;
  /** Who moved first since then, null if nobody did. */
  readonly opener: Colour | null;
  readonly before: Position | null;
  /** The stones as a text, to compare. */
  readonly key: string;
  /** What was wrong with the last move by any rules; a record may hold such moves, and they are shown. */
  readonly wrong: ReadonlySet<Why>;
  /** Whether the last move took more than one stone of its own off. */
  readonly tookOwn: boolean;
}

/** A position as the server's routes take it. */
export interface PositionMessage {
  black: string[];
  white: string[];
  first: "b" | "w";
  moves: ["b" | "w", string][];
  komi?: number;
  rules?: string;
  handicap?: number;
  to_play: "b" | "w";
}

export function vertexOf(point: number): Vertex {
  return [point % SIZE, SIZE - 1 - Math.floor(point / SIZE)];
}

export function pointOf([x, y]: Vertex): number {
  return (SIZE - 1 - y) * SIZE + x;
}

function made(board: GoBoard, rest: Omit<Position, "board" | "stones" | "captures" | "key" | "origin"> & { origin?: Position }): Position {
  const stones = new Int8Array(POINTS);
  for (let y = 0; y < SIZE; y++) stones.set(board.signMap[y], (SIZE - 1 - y) * SIZE);
  const captures = { black: board.getCaptures(1), white: board.getCaptures(-1) };
  const position = { ...rest, board, stones, captures, key: String.fromCharCode(...stones.map((sign) => sign + 49)) };
  return { ...position, get origin(): Position { return rest.origin ?? this; } };
}

const NOTHING_WRONG: ReadonlySet<Why> = new Set();

export const EMPTY: Position = made(GoBoard.fromDimensions(SIZE), {
  moves: 0,
  passes: 0,
  last: null,
  opener: null,
  before: null,
  wrong: NOTHING_WRONG,
  tookOwn: false,
});

/** A copy without a ko. */
function fresh(board: GoBoard): GoBoard {
  return new GoBoard(board.signMap.map((row) => [...row]))
    .setCaptures(1, board.getCaptures(1))
    .setCaptures(-1, board.getCaptures(-1));
}

/** Whether these stones (situational: brought about by the same side) stood there since stones were last set up. */
function repeats(before: Position, key: string, mover: Colour, situational: boolean): boolean {
  for (let each: Position | null = before; each; each = each === each.origin ? null : each.before) {
    if (each.key !== key) continue;
    // what was set up counts as brought about by the side that did not move first
    const player = each.last?.colour ?? -(before.opener ?? mover);
    if (!situational || player === mover) return true;
  }
  return false;
}

/** The position after a move, legal or not. */
export function after(position: Position, move: Move): Position {
  const rest = { moves: position.moves + 1, last: move, opener: position.opener ?? move.colour, origin: position.origin, before: position };
  if (move.point === PASS) {
    return made(fresh(position.board), { ...rest, passes: position.passes + 1, wrong: NOTHING_WRONG, tookOwn: false });
  }
  const vertex = vertexOf(move.point);
  const told = position.board.analyzeMove(move.colour, vertex);
  const board = position.board.makeMove(move.colour, vertex);
  const wrong = new Set<Why>();
  const gone = told.suicide && !told.overwrite;
  const alone = gone && position.board.getNeighbors(vertex).every((each) => position.board.get(each) !== move.colour);
  if (told.overwrite) wrong.add("occupied");
  if (told.ko) wrong.add("ko");
  if (alone) wrong.add("suicide");
  return made(board, { ...rest, passes: 0, wrong, tookOwn: gone && !alone });
}

/** Why a move is not legal by these rules, or null if it is. */
export function illegal(position: Position, move: Move, rules: RuleSet): Why | null {
  if (move.point === PASS) return null;
  return position.stones[move.point] !== 0 ? "occupied" : wrongOf(after(position, move), rules);
}

/** Why the last move of a position was not legal by these rules, or null if it was. */
function wrongOf(position: Position, rules: RuleSet): Why | null {
  for (const why of position.wrong) return why;
  if (position.tookOwn && !rules.suicide) return "suicide";
  const { before, last } = position;
  if (rules.ko !== "simple" && before && last && last.point !== PASS) {
    if (repeats(before, position.key, last.colour, rules.ko === "situational")) return "superko";
  }
  return null;
}

/** The position with stones set up; the moves before it count no more. */
function setUp(position: Position, props: Properties): Position {
  const board = fresh(position.board);
  for (const [name, sign] of [["AE", 0], ["AB", 1], ["AW", -1]] as const) {
    for (const point of pointsOf(props[name])) board.set(vertexOf(point), sign);
  }
  return made(board, { moves: position.moves, passes: 0, last: null, opener: null, before: null, wrong: NOTHING_WRONG, tookOwn: false });
}

const READ = ["B", "W", "AB", "AW", "AE", "PL"] as const;
interface Kept {
  from: Position;
  values: (string[] | undefined)[];
  position: Position;
}
const kept = new WeakMap<Node, Kept>();

/** The position after a node's set-up stones and moves. */
export function positionOf(node: Node): Position {
  let position = EMPTY;
  for (const each of lineTo(node)) {
    const known = kept.get(each);
    if (known && known.from === position && READ.every((name, k) => known.values[k] === each.props[name])) {
      position = known.position;
      continue;
    }
    const from = position;
    if ("AB" in each.props || "AW" in each.props || "AE" in each.props) position = setUp(position, each.props);
    for (const move of movesOf(each)) position = after(position, move);
    kept.set(each, { from, values: READ.map((name) => each.props[name]), position });
  }
  return position;
}

function stated(node: Node): Colour | null {
  const value = node.props.PL?.[0]?.trim().toLowerCase() ?? "";
  return /^(b|1)/.test(value) ? 1 : /^(w|2)/.test(value) ? -1 : null;
}

/** Who plays at a node: the side that it names, else that of the record's next move, else the other side than the last one. */
export function sideToPlay(node: Node): Colour {
  const named = stated(node);
  if (named) return named;
  const next = node.children.length > 0 ? movesOf(node.children[0])[0] : undefined;
  if (next) return next.colour;
  for (let each: Node | null = node; each; each = each.parent) {
    const last = movesOf(each).at(-1);
    if (last) return last.colour === 1 ? -1 : 1;
    const side = stated(each);
    if (side) return side;
    if (each.parent === null || setsUp(each)) {
      // handicap stones: then it is White's turn
      return pointsOf(each.props.AB).length > 1 && !("AW" in each.props) && !("AE" in each.props) ? -1 : 1;
    }
  }
  return 1;
}

/** What the server read in a record. */
export interface Terms {
  komi: number | null;
  rules: string | null;
  handicap: number;
}

const termsOf = (root: Node) => JSON.stringify(["KM", "HA", "AB", "AW"].map((name) => root.props[name] ?? null));
const told = new WeakMap<Node, Terms & { of: string; named: string | undefined }>();

/** Hold to what the server read, as long as these properties stay: records state komi in many ways, and not all that they state is meant. */
export function tell(root: Node, terms: Terms): void {
  told.set(root, { ...terms, of: termsOf(root), named: root.props.RU?.[0] });
}

function toldOf(root: Node): Terms | null {
  const known = told.get(root);
  return known?.of === termsOf(root) ? known : null;
}

/** Handicap stones, 0 if none: as the server read them, else as the record states them. */
export function handicapOf(root: Node): number {
  const known = toldOf(root);
  if (known) return known.handicap;
  const stones = Number(root.props.HA?.[0] ?? "");
  return Number.isInteger(stones) && stones > 1 && stones < 100 ? stones : 0;
}

/** Komi in points, or undefined: as the server read it, else the number that stands there. */
export function komiOf(root: Node): number | undefined {
  const known = toldOf(root);
  if (known) return known.komi ?? undefined;
  const komi = Number(root.props.KM?.[0] || NaN);
  return Number.isInteger(komi * 2) && Math.abs(komi) <= 150 ? komi : undefined;
}

/** The rules that a record names, or undefined: as the server read them, else the name that stands there. */
export function rulesOf(root: Node): string | undefined {
  const text = root.props.RU?.[0] ?? "";
  const known = told.get(root);
  if (known && known.named === root.props.RU?.[0]) return known.rules ?? undefined;
  return text in RULE_SETS ? text : undefined;
}

const side = (colour: number): "b" | "w" => (colour === 1 ? "b" : "w");

/** The position for the server. Moves that cannot be played (a record may hold some) are told as stones. */
export function messageOf(node: Node, root: Node, rules: string): PositionMessage {
  const position = positionOf(node);
  const ruleSet = RULE_SETS[rules] ?? RULE_SETS.chinese;
  let origin = position;
  const moves: Move[] = [];
  while (origin !== origin.origin && origin.wrong.size === 0 && (ruleSet.suicide || !origin.tookOwn)) {
    moves.push(origin.last!);
    origin = origin.before!;
  }
  moves.reverse();
  const black: string[] = [];
  const white: string[] = [];
  origin.stones.forEach((sign, point) => {
    if (sign !== 0) (sign === 1 ? black : white).push(toVertex(point));
  });
  const toPlay = side(sideToPlay(node));
  return {
    black,
    white,
    first: moves.length > 0 ? side(moves[0].colour) : toPlay,
    moves: moves.map((move) => [side(move.colour), toVertex(move.point)]),
    komi: komiOf(root),
    rules,
    // stones set up in the middle are no handicap; else the server counts where nothing says it
    handicap: handicapOf(root) || (origin.moves > 0 ? 0 : undefined),
    to_play: toPlay,
  };
}

const CORNERS = ["pd", "dp", "dd", "pp"];
const SIDES = ["dj", "pj"];
const HANDICAPS: Record<number, string[]> = {
  5: [...CORNERS, "jj"],
  6: [...CORNERS, ...SIDES],
  7: [...CORNERS, ...SIDES, "jj"],
  8: [...CORNERS, ...SIDES, "jd", "jp"],
  9: [...CORNERS, ...SIDES, "jd", "jp", "jj"],
};

/** Where handicap stones stand (2 to 9), as SGF points; as the servers put them. */
export function handicapPoints(stones: number): string[] {
  return HANDICAPS[stones] ?? CORNERS.slice(0, stones);
}

/** All stones that live or die with the one at this point, as flat points. */
export function groupOf(position: Position, point: number): number[] {
  return position.board.getRelatedChains(vertexOf(point)).map(pointOf);
}

/** The stones of a chain, as flat points. */
export function chainOf(position: Position, point: number): number[] {
  return position.board.getChain(vertexOf(point)).map(pointOf);
}
