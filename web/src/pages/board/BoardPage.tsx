// Play and study on one board.
import GoBoard from "@sabaki/go-board";
import { useMemo, useState } from "preact/hooks";
import { Board } from "../../parts/Board";
import { POINTS, SIZE } from "../../lib/coords";
import { t } from "../../lib/text";

function stonesOf(board: GoBoard): Int8Array {
  const stones = new Int8Array(POINTS);
  for (let point = 0; point < POINTS; point++) {
    stones[point] = board.get([point % SIZE, SIZE - 1 - Math.floor(point / SIZE)]) ?? 0;
  }
  return stones;
}

export default function BoardPage() {
  const [boards, setBoards] = useState([GoBoard.fromDimensions(SIZE)]);
  const board = boards[boards.length - 1];
  const stones = useMemo(() => stonesOf(board), [board]);
  const sign = boards.length % 2 === 1 ? 1 : -1;

  function play(point: number) {
    try {
      const next = board.makeMove(sign, [point % SIZE, SIZE - 1 - Math.floor(point / SIZE)], {
        preventOverwrite: true,
        preventKo: true,
        preventSuicide: true,
      });
      setBoards([...boards, next]);
    } catch {
      // not a legal move: nothing happens
    }
  }

  const label = t("board.label", { moves: boards.length - 1, side: t(sign === 1 ? "colour.black" : "colour.white") });
  return <Board stones={stones} label={label} onPoint={play} />;
}
