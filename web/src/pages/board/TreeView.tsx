// The game's tree: only what is in view is drawn, so that thousands of nodes cost no more than a hundred.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { positionOf } from "../../lib/go";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { layOut } from "../../lib/treeLayout";
import { movesOf, setsUp, type Node } from "../../lib/tree";
import { named } from "./numbers";
import type { Session } from "./session";

const CELL = 24;
/** Cells drawn beyond the edge, so that scrolling shows no gap. */
const SPARE = 3;

export function TreeView({ session }: { session: Session }) {
  useStore(session);
  const { tree } = session;
  const layout = useMemo(() => layOut(tree.root), [tree, tree.version]);
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ left: 0, top: 0, width: 600, height: 180 });
  const look = () => {
    const element = frame.current;
    if (element) setView({ left: element.scrollLeft, top: element.scrollTop, width: element.clientWidth, height: element.clientHeight });
  };

  useLayoutEffect(() => {
    look();
    const watch = new ResizeObserver(look);
    watch.observe(frame.current!);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = frame.current!;
    const [column, row] = layout.places.get(tree.at) ?? [0, 0];
    const x = column * CELL;
    const y = row * CELL;
    if (x < element.scrollLeft + CELL || x > element.scrollLeft + element.clientWidth - 2 * CELL) element.scrollLeft = x - element.clientWidth / 2;
    if (y < element.scrollTop || y > element.scrollTop + element.clientHeight - 2 * CELL) element.scrollTop = y - element.clientHeight / 2;
    look();
  }, [tree.at, layout]);

  const from = Math.max(0, Math.floor(view.left / CELL) - SPARE);
  const to = Math.min(layout.columns.length - 1, Math.ceil((view.left + view.width) / CELL) + SPARE);
  const top = Math.floor(view.top / CELL) - SPARE;
  const bottom = Math.ceil((view.top + view.height) / CELL) + SPARE;
  const edges: string[] = [];
  const shown: Node[] = [];
  for (let column = from; column <= to; column++) {
    for (const node of layout.columns[column]) {
      const row = layout.places.get(node)![1];
      const last = node.children.length > 0 ? layout.places.get(node.children[node.children.length - 1])![1] : row;
      if (row > bottom || last < top) continue;
      for (const child of node.children) edges.push(edge(column, row, layout.places.get(child)![1]));
      if (row >= top) shown.push(node);
    }
  }
  const width = layout.columns.length * CELL;
  const height = layout.rows * CELL;
  const label = t("tree.label", { nodes: layout.places.size, move: session.moves });
  return (
    <div class="tree" ref={frame} onScroll={look} tabIndex={-1}>
      <svg width={width} height={height} role="img" aria-label={label}>
        <path d={edges.join("")} />
        {shown.map((node) => {
          const [column, row] = layout.places.get(node)!;
          return <Dot key={node.id} node={node} column={column} row={row} here={node === tree.at} onClick={() => session.go(node)} />;
        })}
      </svg>
    </div>
  );
}

function edge(column: number, row: number, childRow: number): string {
  const x = column * CELL + CELL / 2;
  const y = row * CELL + CELL / 2;
  const down = childRow > row ? `V${childRow * CELL - CELL / 2}` : "";
  return `M${x} ${y}${down}L${x + CELL} ${childRow * CELL + CELL / 2}`;
}

interface DotProps {
  node: Node;
  column: number;
  row: number;
  here: boolean;
  onClick: () => void;
}

function Dot({ node, column, row, here, onClick }: DotProps) {
  const x = column * CELL + CELL / 2;
  const y = row * CELL + CELL / 2;
  const move = movesOf(node).at(-1);
  const kind = move ? (move.colour === 1 ? "black" : "white") : "none";
  return (
    <g class={`dot ${kind}${here ? " here" : ""}`} onClick={onClick} data-node={node.id}>
      <rect x={x - CELL / 2} y={y - CELL / 2} width={CELL} height={CELL} fill="transparent" />
      {move ? <circle cx={x} cy={y} r="9" /> : <rect x={x - 6} y={y - 6} width="12" height="12" rx="2" />}
      {move ? <text x={x} y={y}>{moveNumber(node)}</text> : setsUp(node) && <text x={x} y={y}>+</text>}
      {node.props.C && <circle class="told" cx={x + 7} cy={y - 7} r="3" />}
    </g>
  );
}

const numbers = new WeakMap<Node, number>();

/** Counted along the line without working out positions. */
function moveNumber(node: Node): number {
  const known = numbers.get(node);
  if (known !== undefined) return known;
  // from the nearest ancestor that is known
  const open: Node[] = [];
  let at: Node | null = node;
  while (at && !numbers.has(at)) {
    open.push(at);
    at = at.parent;
  }
  let count = at ? numbers.get(at)! : 0;
  for (const each of open.reverse()) {
    count += movesOf(each).length;
    numbers.set(each, count);
  }
  return count;
}

/** The continuations from here as buttons, for the keyboard and for those who cannot see the tree. */
export function Continuations({ session }: { session: Session }) {
  useStore(session);
  const { children } = session.node;
  if (children.length < 2) return null;
  const next = session.tree.nextOf(session.node);
  return (
    <div class="row" role="group" aria-label={t("tree.continuations")}>
      {children.map((child, k) => {
        const move = movesOf(child).at(-1);
        const name = move ? named(move.point) : t("tree.other");
        return (
          <button key={child.id} class={child === next ? "small chosen" : "small"} onClick={() => session.go(child)}>
            {String.fromCharCode(65 + (k % 26))} {name}
          </button>
        );
      })}
    </div>
  );
}

/** The comment of a node: text, never markup. */
export function Comment({ session }: { session: Session }) {
  useStore(session);
  const { node } = session;
  return (
    <label class="comment">
      <span>{t("tree.comment", { move: positionOf(node).moves })}</span>
      <textarea
        key={node.id}
        rows={3}
        value={node.props.C?.[0] ?? ""}
        onInput={(event) => session.edit("C", [event.currentTarget.value])}
      />
    </label>
  );
}
