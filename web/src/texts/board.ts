import { texts } from "./table";

export const board = texts({
  en: { "board.label": "Go board, {moves} moves, {side} to play" },
  zh: { "board.label": "圍棋盤，第 {moves} 手後，輪到{side}" },
});
