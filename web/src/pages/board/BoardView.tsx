// One board with what its network says.
import type { Marker } from "@sabaki/shudan";
import { useMemo } from "preact/hooks";
import { Board, type Candidate } from "../../parts/Board";
import { stonesOfLine, type Analyst, type CandidateMove } from "../../lib/analyst";
import { strengthOf } from "../../lib/colours";
import { POINTS, fromVertex } from "../../lib/coords";
import { useStore } from "../../lib/store";
import { t } from "../../lib/text";
import { lineTo, movesOf, pointsOf, type Node } from "../../lib/tree";
import { named, percent, short } from "./numbers";
import type { Session } from "./session";

export interface BoardViewProps {
  session: Session;
  analyst: Analyst;
  label: string;
  describedBy?: string;
  onCursor?: (point: number | null) => void;
}

/** Marks that a record puts on points. */
function marksOf(node: Node): Map<number, Marker> {
  const marks = new Map<number, Marker>();
  for (const [name, type] of [["CR", "circle"], ["TR", "triangle"], ["SQ", "square"], ["MA", "cross"], ["SL", "point"]] as const) {
    for (const point of pointsOf(node.props[name])) marks.set(point, { type });
  }
  for (const value of node.props.LB ?? []) {
    const [place, label] = [value.slice(0, 2), value.slice(3)];
    for (const point of pointsOf([place])) if (label) marks.set(point, { type: "label", label });
  }
  return marks;
}

/** The number of the move that put each stone there, where it still stands. */
function numbersOf(node: Node, stones: Int8Array): Map<number, Marker> {
  const numbers = new Map<number, Marker>();
  let count = 0;
  for (const { point } of lineTo(node).flatMap(movesOf)) {
    count++;
    if (point < POINTS && stones[point] !== 0) numbers.set(point, { type: "label", label: String(count) });
  }
  return numbers;
}

/** Where the record goes on, the continuation that is followed first. */
function nextOf(session: Session): number[] {
  const { tree, node } = session;
  const followed = tree.nextOf(node);
  const children = [...node.children].sort((a, b) => Number(b === followed) - Number(a === followed));
  return children.flatMap((child) => movesOf(child).slice(0, 1)).map(({ point }) => point);
}

/** Candidates as the board shows them. */
export function drawn(moves: readonly CandidateMove[]): Candidate[] {
  const most = Math.max(1, ...moves.map((move) => move.visits));
  const searched = moves.some((move) => move.visits > 1);
  return moves
    .filter((move, k) => k === 0 || !searched || move.visits > 0)
    .map((move, k): Candidate => {
      const read = searched && move.winrate !== null;
      return {
        point: fromVertex(move.move),
        texts: read ? [percent(move.winrate!), short(move.visits)] : [percent(move.prior)],
        strength: searched ? Math.sqrt(move.visits / most) : strengthOf(move.prior),
        first: k === 0,
      };
    })
    .filter((candidate) => candidate.point >= 0 && candidate.point < POINTS);
}

export function BoardView({ session, analyst, label, describedBy, onCursor }: BoardViewProps) {
  useStore(session);
  useStore(analyst);
  const { settings, position, mode, node } = session;
  const { score } = session.counting;
  const scoring = mode === "score";
  const { pointed, report, policy } = analyst;
  const candidates = useMemo(
    () => (settings.hints && !scoring ? drawn(analyst.candidates(9)) : undefined),
    [settings.hints, scoring, report, policy, analyst.current],
  );
  const line = useMemo(() => {
    const found = pointed && !scoring ? analyst.candidates().find((each) => each.move === pointed) : undefined;
    return found && stonesOfLine(found.line, session.side);
  }, [pointed, report, policy, scoring]);
  const owner = useMemo(() => (settings.ownership && !scoring ? analyst.ownership() : null), [settings.ownership, scoring, report, policy, analyst.current]);
  const marks = useMemo(
    () => new Map([...(settings.numbers ? numbersOf(node, position.stones) : []), ...marksOf(node)]),
    [node, session.tree.version, settings.numbers],
  );
  const next = settings.next && mode === "play" ? nextOf(session) : [];
  const dead = useMemo(() => new Set(score?.dead.map(fromVertex)), [score]);
  const { last } = position;
  return (
    <Board
      stones={position.stones}
      heat={settings.heat && !scoring ? analyst.heat : null}
      emptyOnly
      stale={!analyst.current}
      ownership={scoring ? (score?.owner ?? null) : owner}
      marks={marks}
      candidates={candidates}
      line={line}
      next={next.filter((point) => point < POINTS)}
      last={last && last.point < POINTS ? last.point : -1}
      dimmed={dead}
      label={label}
      describedBy={describedBy}
      onPoint={(point) => session.click(point)}
      onHover={(point) => {
        const found = point === null ? undefined : analyst.candidates().find((each) => fromVertex(each.move) === point);
        analyst.point(settings.hints && found ? found.move : null);
      }}
      onCursor={onCursor}
    />
  );
}

/** All stones in words, for who cannot see them. */
export function StonesInWords({ session, id }: { session: Session; id: string }) {
  useStore(session);
  const stones = session.position.stones;
  const text = useMemo(() => {
    const names = (sign: number) => [...stones.keys()].filter((point) => stones[point] === sign).map(named);
    return t("board.stones", { black: names(1).join(" ") || "–", white: names(-1).join(" ") || "–" });
  }, [stones]);
  const next = session.settings.next ? nextOf(session).map(named) : [];
  return <p class="visually-hidden" id={id}>{text} {next.length > 0 && t("board.next", { moves: next.join(" ") })}</p>;
}
