// Points as gocnn counts them: index `row * 19 + column`, row 0 at the bottom, 361 a pass.
export const SIZE = 19;
export const POINTS = SIZE * SIZE;
export const PASS = POINTS;
const LETTERS = "ABCDEFGHJKLMNOPQRST";

/** `Q16`, or `pass`. */
export function toVertex(index: number): string {
  return index === PASS ? "pass" : LETTERS[index % SIZE] + String(Math.floor(index / SIZE) + 1);
}

/** The index of a vertex such as `Q16` or `pass`; -1 for anything else (`resign`). */
export function fromVertex(vertex: string): number {
  if (/^pass$/i.test(vertex)) return PASS;
  const [, letter, number] = /^([A-HJ-T])\s*(\d{1,2})$/i.exec(vertex) ?? [];
  const row = Number(number) - 1;
  return letter && row >= 0 && row < SIZE ? row * SIZE + LETTERS.indexOf(letter.toUpperCase()) : -1;
}

/** The index of an SGF point (`pd`); an empty one, or `tt`, is a pass. -1 if it is none. */
export function fromSgf(text: string): number {
  if (text === "" || text === "tt") return PASS;
  const column = text.charCodeAt(0) - 97;
  const row = SIZE - 1 - (text.charCodeAt(1) - 97);
  return text.length !== 2 || column < 0 || column >= SIZE || row < 0 || row >= SIZE ? -1 : row * SIZE + column;
}

/** The SGF point of an index; a pass is empty. */
export function toSgf(index: number): string {
  if (index === PASS) return "";
  return String.fromCharCode(97 + (index % SIZE), 97 + SIZE - 1 - Math.floor(index / SIZE));
}
