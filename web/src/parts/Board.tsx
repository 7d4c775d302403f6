// A Go board: stones, and whatever is to be seen on it. Points are counted as in lib/coords.
//
// Stones, lines and marks are Shudan's, drawn anew when stones change; heat, ownership and candidates lie on two sheets
// above, so that an answer of the network costs one sheet and not 361 points.
import { Goban, type Map as Grid, type Marker } from "@sabaki/shudan";
import "@sabaki/shudan/css/goban.css";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { disc } from "../lib/colours";
import { SIZE, toVertex } from "../lib/coords";
import { HeatSheet } from "./HeatSheet";
import "./board.css";

export type Sign = -1 | 0 | 1;

/** A move that the network considers, written on the board. */
export interface Candidate {
  point: number;
  /** One or two short lines. */
  texts: readonly string[];
  /** How strongly it is coloured, 0 to 1. */
  strength: number;
  first?: boolean;
}

/** A stone of a line that might follow, with its number. */
export interface LineStone {
  point: number;
  sign: Sign;
  number: number;
}

export interface BoardProps {
  /** 361 signs: 1 black, -1 white. */
  stones: ArrayLike<number>;
  /** 361 strengths from 0 to 1, coloured from nothing to full. */
  heat?: ArrayLike<number> | null;
  /** No heat where stones are. */
  emptyOnly?: boolean;
  /** What is shown is of the position before: after a moment it is drawn pale. */
  stale?: boolean;
  /** 361 numbers, +1 where black owns a point, -1 where white does. */
  ownership?: ArrayLike<number> | null;
  /** Shudan's marks by point. */
  marks?: ReadonlyMap<number, Marker>;
  /** Short texts by point, drawn over the heat. */
  texts?: ReadonlyMap<number, string>;
  candidates?: readonly Candidate[];
  line?: readonly LineStone[];
  /** Where the game goes on: squares, that of the first one stronger. */
  next?: readonly number[];
  /** The move played last: it gets a ring. */
  last?: number;
  /** Stones shown as dead. */
  dimmed?: ReadonlySet<number>;
  /** What a screen reader says of the board. */
  label: string;
  /** The id of an element that says more. */
  describedBy?: string;
  onPoint?: (point: number, event: MouseEvent | KeyboardEvent) => void;
  onHover?: (point: number | null) => void;
  /** Where the keyboard's cursor went, null when it is gone. */
  onCursor?: (point: number | null) => void;
  /** Keys that the cursor does not need. */
  onKeyDown?: (event: KeyboardEvent) => void;
  /** More to draw: SVG in units of points, (0.5, 0.5) the centre of A19. */
  children?: ComponentChildren;
}

function grid<T>(at: (point: number) => T): Grid<T> {
  return Array.from({ length: SIZE }, (_, y) => Array.from({ length: SIZE }, (_, x) => at((SIZE - 1 - y) * SIZE + x)));
}

/** The centre of a point in the sheets' units. */
export const centre = (point: number): [number, number] => [(point % SIZE) + 0.5, SIZE - Math.floor(point / SIZE) - 0.5];

function pointAt(event: Event): number {
  const vertex = (event.target as Element).closest<HTMLElement>(".shudan-vertex");
  return vertex ? (SIZE - 1 - Number(vertex.dataset.y)) * SIZE + Number(vertex.dataset.x) : -1;
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export function Board(props: BoardProps) {
  const { stones, heat, ownership, marks, texts, candidates, line, dimmed, last = -1 } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [vertexSize, setVertexSize] = useState(24);
  const [cursor, setCursor] = useState(-1);
  const lastCursor = useRef(3 * SIZE + 3);
  const hovered = useRef(-1);

  useLayoutEffect(() => {
    const measure = () => {
      const width = frame.current?.clientWidth ?? 0;
      // an even number of the screen's pixels, so that lines are sharp
      const pixel = 2 / Math.max(1, Math.round(devicePixelRatio));
      // 19 points, a coordinate's width on each side, and the border
      if (width) setVertexSize(Math.max(8, Math.floor(width / (SIZE + 2.3) / pixel) * pixel));
    };
    measure();
    const watch = new ResizeObserver(measure);
    if (frame.current) watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);

  const goban = useMemo(() => {
    const signMap = grid((point) => Math.sign(stones[point]) as Sign);
    const markerMap = marks && grid((point): Marker | null => marks.get(point) ?? null);
    const dimmedVertices = [...(dimmed ?? [])].map((point): [number, number] => [point % SIZE, SIZE - 1 - Math.floor(point / SIZE)]);
    return <Goban vertexSize={vertexSize} showCoordinates signMap={signMap} markerMap={markerMap} dimmedVertices={dimmedVertices} />;
  }, [stones, marks, dimmed, vertexSize]);

  function moveCursor(point: number) {
    if (point >= 0) lastCursor.current = point;
    setCursor(point);
    props.onCursor?.(point < 0 ? null : point);
  }

  function keyDown(event: KeyboardEvent) {
    const step = STEPS[event.key];
    if (cursor >= 0 && step && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const column = (cursor % SIZE) + step[0];
      const row = Math.floor(cursor / SIZE) + step[1];
      if (column >= 0 && column < SIZE && row >= 0 && row < SIZE) moveCursor(row * SIZE + column);
    } else if (cursor >= 0 && event.key === "Enter") props.onPoint?.(cursor, event);
    else if (cursor >= 0 && event.key === "Escape") moveCursor(-1);
    else if (cursor < 0 && event.key === "Enter" && props.onPoint) moveCursor(lastCursor.current);
    else {
      props.onKeyDown?.(event);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function hover(point: number) {
    if (point === hovered.current) return;
    hovered.current = point;
    props.onHover?.(point < 0 ? null : point);
  }

  // the sheets lie on the 19x19 points: past the border and the coordinates
  const over = { left: `${vertexSize * 1.15}px`, top: `${vertexSize * 1.15}px`, width: `${vertexSize * SIZE}px`, height: `${vertexSize * SIZE}px` };
  return (
    <div
      class={props.onPoint ? "board" : "board still"}
      ref={frame}
      role="application"
      aria-label={props.label}
      aria-describedby={props.describedBy}
      tabIndex={0}
      onKeyDown={keyDown}
      onFocus={(event) => {
        if (props.onPoint && event.currentTarget.matches(":focus-visible") && cursor < 0) moveCursor(lastCursor.current);
      }}
      onBlur={() => cursor >= 0 && moveCursor(-1)}
      onClick={(event) => {
        const point = pointAt(event);
        if (cursor >= 0) moveCursor(-1);
        if (point >= 0) props.onPoint?.(point, event);
      }}
      onMouseOver={(event) => hover(pointAt(event))}
      onMouseLeave={() => hover(-1)}
    >
      <div aria-hidden="true">{goban}</div>
      <HeatSheet heat={heat} stale={props.stale} except={props.emptyOnly ? stones : undefined} ownership={ownership} size={vertexSize} style={over} />
      <svg class="board-over board-signs" style={over} viewBox={`0 0 ${SIZE} ${SIZE}`} aria-hidden="true">
        {last >= 0 && stones[last] !== 0 && <Ring point={last} dark={stones[last] < 0} wide={marks?.has(last)} />}
        {candidates && !line?.length && candidates.map((each) => <Disc key={each.point} {...each} />)}
        {!line?.length && props.next?.map((point, k) => <Next key={point} point={point} first={k === 0} />).reverse()}
        {texts && [...texts].map(([point, text]) => <Sign key={point} point={point} text={text} />)}
        {line?.map((each) => <Ghost key={each.point} {...each} />)}
        {props.children}
        {cursor >= 0 && <rect class="board-cursor" x={(cursor % SIZE) + 0.04} y={SIZE - 1 - Math.floor(cursor / SIZE) + 0.04} width="0.92" height="0.92" rx="0.12" />}
      </svg>
    </div>
  );
}

/** wide: around what is written on the stone. */
function Ring({ point, dark, wide }: { point: number; dark: boolean; wide?: boolean }) {
  const [x, y] = centre(point);
  return <circle cx={x} cy={y} r={wide ? 0.41 : 0.24} fill="none" stroke={dark ? "#16191d" : "#ffffff"} stroke-width="0.09" />;
}

function Next({ point, first }: { point: number; first: boolean }) {
  const [x, y] = centre(point);
  return <rect class={first ? "next" : "next other"} x={x - 0.47} y={y - 0.47} width="0.94" height="0.94" rx="0.08" data-move={toVertex(point)} />;
}

function Disc({ point, texts, strength, first }: Candidate) {
  const [x, y] = centre(point);
  const { fill, ink } = disc(strength);
  return (
    <g>
      <circle cx={x} cy={y} r="0.46" fill={fill} stroke={first ? "#ffffff" : "rgba(10, 25, 45, 0.45)"} stroke-width={first ? 0.1 : 0.03} />
      {texts.map((text, k) => (
        <text key={k} x={x} y={y + (texts.length === 1 ? 0 : k === 0 ? -0.14 : 0.2)} fill={ink} font-size={k === 0 ? 0.36 : 0.27} font-weight={k === 0 ? 600 : 400}>
          {text}
        </text>
      ))}
    </g>
  );
}

function Sign({ point, text }: { point: number; text: string }) {
  const [x, y] = centre(point);
  return (
    <text x={x} y={y} font-size="0.36" font-weight="600" fill="#16191d" stroke="#f6ead4" stroke-width="0.08" paint-order="stroke">
      {text}
    </text>
  );
}

function Ghost({ point, sign, number }: LineStone) {
  const [x, y] = centre(point);
  const black = sign === 1;
  return (
    <g opacity="0.86">
      <circle cx={x} cy={y} r="0.46" fill={black ? "#20242a" : "#f7f7f4"} stroke={black ? "#f7f7f4" : "#20242a"} stroke-width="0.04" />
      <text x={x} y={y} font-size={number > 99 ? 0.36 : 0.46} font-weight="600" fill={black ? "#ffffff" : "#16191d"}>
        {number}
      </text>
    </g>
  );
}
