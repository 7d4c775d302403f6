// A game as a tree of SGF nodes, every property kept as it was read, with a place in it.
//
// Format: SGF FF[4], https://www.red-bean.com/sgf/sgf4.html. Records are read by the server (`POST /api/sgf`), written here.
import { PASS, fromSgf, toSgf } from "./coords";

export type Colour = 1 | -1;
export type Properties = Record<string, string[]>;

export interface Node {
  /** One number a node, never used twice on this page. */
  readonly id: number;
  parent: Node | null;
  children: Node[];
  props: Properties;
  /** Whether the node was added here, so that taking a move back takes it away. */
  added?: boolean;
}

/** A node as `POST /api/sgf` lists it: its parent's index (-1 for the root) and its properties. */
export interface FlatNode {
  parent: number;
  props: Properties;
}

/** A move: a point from 0 to 360, or 361 for a pass. */
export interface Move {
  colour: Colour;
  point: number;
}

let lastId = 0;

export function makeNode(props: Properties, parent: Node | null = null): Node {
  return { id: ++lastId, parent, children: [], props };
}

/** The moves of a node, in the order in which they stand there; what is no point of the board is left out. */
export function movesOf(node: Node): Move[] {
  const moves: Move[] = [];
  for (const name in node.props) {
    if (name !== "B" && name !== "W") continue;
    for (const value of node.props[name]) {
      const point = fromSgf(value);
      if (point >= 0) moves.push({ colour: name === "B" ? 1 : -1, point });
    }
  }
  return moves;
}

/** Whether stones are set up (or taken away) in the node, or it names who plays. */
export function setsUp(node: Node): boolean {
  return "AB" in node.props || "AW" in node.props || "AE" in node.props || "PL" in node.props;
}

/** The points of a property's values; a rectangle such as `aa:cc` is all the points in it. */
export function pointsOf(values: readonly string[] | undefined): number[] {
  const points: number[] = [];
  for (const value of values ?? []) {
    const [first, last] = value.split(":", 2);
    const from = fromSgf(first);
    const to = last === undefined ? from : fromSgf(last);
    if (from < 0 || to < 0 || from === PASS || to === PASS) continue;
    const columns = [from % 19, to % 19].sort((a, b) => a - b);
    const rows = [Math.floor(from / 19), Math.floor(to / 19)].sort((a, b) => a - b);
    for (let row = rows[0]; row <= rows[1]; row++) {
      for (let column = columns[0]; column <= columns[1]; column++) points.push(row * 19 + column);
    }
  }
  return points;
}

/** The nodes from the root to this one. */
export function lineTo(node: Node): Node[] {
  const line: Node[] = [];
  for (let at: Node | null = node; at; at = at.parent) line.push(at);
  return line.reverse();
}

/** Where a game begins: after the handicap stones, which Fox and others put into a node of their own. */
export function beginningOf(root: Node): Node {
  const [next, ...others] = root.children;
  const apart = next && others.length === 0 && setsUp(next) && movesOf(next).length === 0;
  return apart && !setsUp(root) && movesOf(root).length === 0 ? next : root;
}

export class Tree {
  root: Node;
  at: Node;
  /** Counts every change of the nodes or their properties, for whoever draws them. */
  version = 0;
  // where one last went on from a node with several continuations
  private readonly chosen = new WeakMap<Node, Node>();

  constructor(root: Node = makeNode({ GM: ["1"], FF: ["4"], CA: ["UTF-8"], SZ: ["19"] })) {
    this.root = root;
    this.at = root;
  }

  /** From the list that `POST /api/sgf` gives; the first node is the root. */
  static from(flat: readonly FlatNode[]): Tree {
    const nodes: Node[] = [];
    for (const each of flat) {
      const parent = each.parent < 0 ? null : nodes[each.parent];
      const node = makeNode(each.props, parent);
      parent?.children.push(node);
      nodes.push(node);
    }
    const tree = new Tree(nodes[0]);
    tree.go(beginningOf(tree.root));
    return tree;
  }

  /** How many nodes there are. */
  get size(): number {
    let count = 0;
    const open = [this.root];
    for (let node = open.pop(); node; node = open.pop()) {
      count++;
      open.push(...node.children);
    }
    return count;
  }

  /** Go to a node; on the way back forward its line is taken again. */
  go(node: Node): void {
    this.at = node;
    for (let each = node; each.parent; each = each.parent) this.chosen.set(each.parent, each);
  }

  /** The continuation that was looked at last, else the first one. */
  nextOf(node: Node): Node | null {
    const chosen = this.chosen.get(node);
    return chosen && node.children.includes(chosen) ? chosen : (node.children[0] ?? null);
  }

  /** So many nodes forward, or back if negative, as far as there are any. */
  step(count: number): void {
    let node = this.at;
    for (; count < 0 && node.parent; count++) node = node.parent;
    for (; count > 0; count--) {
      const next = this.nextOf(node);
      if (!next) break;
      node = next;
    }
    this.go(node);
  }

  /** The line that is being looked at: from the root through this node to where it ends. */
  line(): Node[] {
    const line = lineTo(this.at);
    for (let next = this.nextOf(this.at); next; next = this.nextOf(next)) line.push(next);
    return line;
  }

  /** To the next or the previous of the continuations that this node is one of. */
  sibling(step: 1 | -1): void {
    const siblings = this.at.parent?.children ?? [];
    const next = siblings[siblings.indexOf(this.at) + step];
    if (next) this.go(next);
  }

  /** Play: goes to the continuation with this very move, or adds one after those there are. */
  play(move: Move): Node {
    const found = this.at.children.find((child) => {
      const moves = movesOf(child);
      return moves.length === 1 && moves[0].colour === move.colour && moves[0].point === move.point && !setsUp(child);
    });
    if (found) {
      this.go(found);
      return found;
    }
    return this.add({ [move.colour === 1 ? "B" : "W"]: [toSgf(move.point)] });
  }

  /** A new last continuation of this node, and go there. */
  add(props: Properties): Node {
    const node = makeNode(props, this.at);
    node.added = true;
    this.at.children.push(node);
    this.version++;
    this.go(node);
    return node;
  }

  /** Change a property of a node; without values, or with one empty text, it goes away. */
  set(node: Node, name: string, values: string[]): void {
    if (values.length === 0 || (values.length === 1 && values[0] === "" && name !== "B" && name !== "W")) delete node.props[name];
    else node.props[name] = values;
    this.version++;
  }

  /** Delete a node and what follows it; returns what brings it back. The root stays. */
  remove(node: Node): () => void {
    const parent = node.parent;
    if (!parent) return () => {};
    const index = parent.children.indexOf(node);
    const within = lineTo(this.at).includes(node);
    const was = this.at;
    parent.children.splice(index, 1);
    this.version++;
    if (within) this.go(parent);
    return () => {
      parent.children.splice(Math.min(index, parent.children.length), 0, node);
      this.version++;
      this.go(within ? was : node);
    };
  }

  /** Make this line the first one at every fork above it. */
  promote(node: Node): void {
    for (let each = node; each.parent; each = each.parent) {
      const children = each.parent.children;
      children.splice(children.indexOf(each), 1);
      children.unshift(each);
    }
    this.version++;
  }

  /** Where the place is: steps along first continuations, then which other one, and so on; `12.1.5`. */
  get path(): string {
    const parts: number[] = [];
    let steps = 0;
    for (const node of lineTo(this.at).slice(1)) {
      const index = node.parent!.children.indexOf(node);
      if (index === 0) steps++;
      else {
        parts.push(steps, index);
        steps = 0;
      }
    }
    return [...parts, steps].join(".");
  }

  /** Go to where a path leads, as far as it leads anywhere. */
  follow(path: string): void {
    let node = this.root;
    path.split(".").forEach((part, k) => {
      const number = Number(part);
      if (!Number.isInteger(number) || number < 0) return;
      if (k % 2 === 1) node = node.children[number] ?? node;
      else for (let steps = number; steps > 0 && node.children.length > 0; steps--) node = node.children[0];
    });
    this.go(node);
  }
}

function escaped(text: string): string {
  return text.replace(/[\]\\]/g, "\\$&");
}

// what stands first in a node, as people read it; the rest follows in its order
const FIRST = ["GM", "FF", "CA", "SZ"];

function writeNode(props: Properties, root: boolean): string {
  const all: Properties = root ? { GM: ["1"], SZ: ["19"], ...props, FF: ["4"], CA: ["UTF-8"] } : props;
  const names = Object.keys(all);
  const order = root ? [...FIRST, ...names.filter((name) => !FIRST.includes(name))] : names;
  return ";" + order.map((name) => name + all[name].map((value) => `[${escaped(value)}]`).join("")).join("");
}

/** The game as an SGF text in FF[4], to be written as UTF-8. */
export function writeSgf(tree: Tree): string {
  const parts: string[] = ["("];
  // a stack, since a game may be deeper than calls can be
  const open: (Node | ")")[] = [tree.root];
  for (let each = open.pop(); each; each = open.pop()) {
    if (each === ")") {
      parts.push(")");
      continue;
    }
    const forked = each.parent !== null && each.parent.children.length > 1;
    if (forked) parts.push("\n(");
    parts.push(writeNode(each.props, each.parent === null));
    if (forked) open.push(")");
    for (let k = each.children.length - 1; k >= 0; k--) open.push(each.children[k]);
  }
  parts.push(")\n");
  return parts.join("");
}
