// Setting up stones in a node.
import { EMPTY, positionOf } from "../../lib/go";
import { toSgf } from "../../lib/coords";
import { movesOf, pointsOf, setsUp, type Node, type Tree } from "../../lib/tree";

/** Marks on points: SGF's triangle, square, circle, cross, and letter. */
export const MARKS = ["TR", "SQ", "CR", "MA", "LB"] as const;
export type Mark = (typeof MARKS)[number];

const NAMES = { "1": "AB", "-1": "AW", "0": "AE" } as const;

/** The node in which stones are set up here: this one, or a new one after it where it has a move. */
export function setupNode(tree: Tree): Node {
  const node = tree.at;
  if (movesOf(node).length === 0 && (node.children.length === 0 || setsUp(node) || !node.parent)) return node;
  return tree.add({});
}

/** Put a black (1) or white (-1) stone on a point, or take one away (0); a stone that stands there already goes. Returns the node with it. */
export function setStone(tree: Tree, point: number, tool: 1 | -1 | 0): Node {
  const shown = positionOf(tree.at).stones[point];
  const node = setupNode(tree);
  const sign = shown === tool ? 0 : tool;
  const before = (node.parent ? positionOf(node.parent) : EMPTY).stones[point];
  for (const name of ["AB", "AW", "AE"] as const) {
    const points = pointsOf(node.props[name]);
    if (points.includes(point)) tree.set(node, name, points.filter((each) => each !== point).map(toSgf));
  }
  if (sign !== before) {
    const name = NAMES[String(sign) as "1" | "-1" | "0"];
    tree.set(node, name, [...pointsOf(node.props[name]).map(toSgf), toSgf(point)]);
  }
  return node;
}

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];

/** Mark a point in this node, the letter being the first that is free; a mark that is there already goes, and so does another one. */
export function setMark(tree: Tree, point: number, mark: Mark): void {
  const node = tree.at;
  const place = toSgf(point);
  const letters = (node.props.LB ?? []).filter((each) => !each.startsWith(`${place}:`));
  const had = mark === "LB" ? letters.length < (node.props.LB?.length ?? 0) : pointsOf(node.props[mark]).includes(point);
  const used = new Set(letters.map((each) => each.slice(3)));
  for (const name of MARKS) {
    const others = name === "LB" ? letters : pointsOf(node.props[name]).filter((each) => each !== point).map(toSgf);
    const free = name === "LB" ? `${place}:${LETTERS.find((letter) => !used.has(letter)) ?? "?"}` : place;
    if (name === mark && !had) others.push(free);
    if (name in node.props || others.length > 0) tree.set(node, name, others);
  }
}
