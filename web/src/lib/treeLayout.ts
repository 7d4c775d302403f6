// Where the nodes of a game tree are drawn: a column a move, first continuations straight on, others in rows below.
import type { Node } from "./tree";

export interface Layout {
  /** Column and row of each node. */
  places: ReadonlyMap<Node, readonly [column: number, row: number]>;
  /** The nodes of each column. */
  columns: readonly (readonly Node[])[];
  rows: number;
}

/** Each line takes the highest row that is free all along it. */
export function layOut(root: Node): Layout {
  const places = new Map<Node, [number, number]>();
  const columns: Node[][] = [];
  // the lowest row taken so far in each column
  const taken: number[] = [];
  let rows = 1;
  // a stack, since variations may be nested deeper than calls can be; the line popped next is the one that leaves latest
  const open: Node[] = [root];
  for (let start = open.pop(); start; start = open.pop()) {
    const [parentColumn, parentRow] = start.parent ? places.get(start.parent)! : [-1, -1];
    const line: Node[] = [];
    for (let node: Node | undefined = start; node; node = node.children[0]) line.push(node);
    const first = parentColumn + 1;
    let row = parentRow + 1;
    for (let k = 0; k < line.length; k++) row = Math.max(row, (taken[first + k] ?? -1) + 1);
    line.forEach((node, k) => {
      places.set(node, [first + k, row]);
      (columns[first + k] ??= []).push(node);
      taken[first + k] = row;
    });
    // the way down from the parent is taken as well
    if (start.parent) taken[parentColumn] = Math.max(taken[parentColumn], row - 1);
    rows = Math.max(rows, row + 1);
    for (const node of line) for (let k = node.children.length - 1; k > 0; k--) open.push(node.children[k]);
  }
  return { places, columns, rows };
}
