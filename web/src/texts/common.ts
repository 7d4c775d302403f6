import { texts } from "./table";

export const common = texts({
  en: {
    "page.board": "Board",
    "page.review": "Review",
    "page.lesson": "Lecture",
    "page.photos": "Photographs",
    "page.pages": "Pages",
    "page.skip": "To the content",
    "page.theme": "Light or dark",
    "page.failed": "This part of the page could not be loaded; reload the page.",
    "drop.hint": "Drop a file here, paste, or choose",
    "graph.table": "As a table",
    "error.gone": "The server does not answer; is it still running?",
    "colour.black": "Black",
    "colour.white": "White",
  },
  zh: {
    "page.board": "棋盤",
    "page.review": "覆盤",
    "page.lesson": "講課",
    "page.photos": "照片",
    "page.pages": "頁面",
    "page.skip": "跳到內容",
    "page.theme": "明暗切換",
    "page.failed": "這部分頁面無法載入，請重新整理。",
    "drop.hint": "將檔案拖到這裡、貼上，或選擇檔案",
    "graph.table": "以表格顯示",
    "error.gone": "伺服器沒有回應；它還在執行嗎？",
    "colour.black": "黑",
    "colour.white": "白",
  },
});
