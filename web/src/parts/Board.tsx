// A Go board: stones, and whatever is to be seen on it. Points are counted as in lib/coords.
import { Goban, type GhostStone, type HeatVertex, type Map as Grid, type Marker } from "@sabaki/shudan";
import "@sabaki/shudan/css/goban.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { SIZE } from "../lib/coords";

export type Sign = -1 | 0 | 1;

export interface BoardProps {
  /** 361 signs: 1 black, -1 white. */
  stones: ArrayLike<number>;
  /** 361 strengths from 0 to 1, coloured from nothing to full. */
  heat?: ArrayLike<number> | null;
  /** 361 numbers, +1 where black owns a point, -1 where white does. */
  ownership?: ArrayLike<number> | null;
  /** Marks by point. */
  marks?: ReadonlyMap<number, Marker>;
  /** Short texts by point, drawn over the heat. */
  texts?: ReadonlyMap<number, string>;
  /** Stones of a variation, by point. */
  ghosts?: ReadonlyMap<number, GhostStone>;
  /** The point with the keyboard's cursor, or -1. */
  cursor?: number;
  /** What a screen reader says of the board. */
  label: string;
  onPoint?: (point: number, event: MouseEvent) => void;
  onHover?: (point: number | null) => void;
  onKeyDown?: (event: KeyboardEvent) => void;
}

function grid<T>(at: (point: number) => T): Grid<T> {
  return Array.from({ length: SIZE }, (_, y) => Array.from({ length: SIZE }, (_, x) => at((SIZE - 1 - y) * SIZE + x)));
}

const pointOf = ([x, y]: [number, number]) => (SIZE - 1 - y) * SIZE + x;

export function Board(props: BoardProps) {
  const { stones, heat, ownership, marks, texts, ghosts, cursor = -1 } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [vertexSize, setVertexSize] = useState(24);

  useEffect(() => {
    const watch = new ResizeObserver(() => {
      const width = frame.current?.clientWidth ?? 0;
      // 19 points, a coordinate's width on each side, and the border
      if (width) setVertexSize(Math.max(10, Math.floor((width / (SIZE + 2.4)) * 4) / 4));
    });
    if (frame.current) watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);

  const signMap = useMemo(() => grid((point) => Math.sign(stones[point]) as Sign), [stones]);
  const heatMap = useMemo(
    () =>
      heat || texts
        ? grid((point): HeatVertex | null => {
            const strength = heat ? Math.min(9, Math.ceil(heat[point] * 9)) : 0;
            const text = texts?.get(point);
            return strength || text ? { strength, text } : null;
          })
        : undefined,
    [heat, texts],
  );
  const paintMap = useMemo(
    () => (ownership ? (grid((point) => (Math.abs(ownership[point]) < 0.1 ? 0 : ownership[point])) as Grid<Sign>) : undefined),
    [ownership],
  );
  const markerMap = useMemo(() => (marks ? grid((point): Marker | null => marks.get(point) ?? null) : undefined), [marks]);
  const ghostMap = useMemo(() => (ghosts ? grid((point): GhostStone | null => ghosts.get(point) ?? null) : undefined), [ghosts]);

  return (
    <div
      class="board"
      ref={frame}
      role="application"
      aria-label={props.label}
      tabIndex={0}
      onKeyDown={props.onKeyDown}
      onMouseLeave={() => props.onHover?.(null)}
    >
      <Goban
        vertexSize={vertexSize}
        showCoordinates
        signMap={signMap}
        heatMap={heatMap}
        paintMap={paintMap}
        markerMap={markerMap}
        ghostStoneMap={ghostMap}
        selectedVertices={cursor < 0 ? [] : [[cursor % SIZE, SIZE - 1 - Math.floor(cursor / SIZE)]]}
        onVertexClick={(event, vertex) => props.onPoint?.(pointOf(vertex), event)}
        onVertexMouseEnter={(_, vertex) => props.onHover?.(pointOf(vertex))}
      />
    </div>
  );
}
