// What a file is, by its name or by what the browser says of it, so that one that is dropped on the wrong page is sent to the right one.
import type { NamedFile } from "./folder";

export const PICTURES = [".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif"];
export const RECORDS = [".sgf", ".sgfs", ".gib", ".ngf", ".ugf", ".ugi"];
/** How names of game records and of archives of them end. */
export const GAMES = [...RECORDS, ".zip", ".tar", ".tgz", ".txz", ".gz", ".xz", ".bz2", ".zst"];

const ends = (name: string, endings: readonly string[]) => endings.some((ending) => name.toLowerCase().endsWith(ending));

/** Whether the name is a picture's. */
export function isPicture(name: string): boolean {
  return ends(name, PICTURES);
}

/** Whether a file is a picture and no record. */
export function isPictureFile({ name, data }: NamedFile): boolean {
  return isPicture(name) || (data.type.startsWith("image/") && !ends(name, RECORDS));
}

/** Whether the name is a game record's. */
export function isRecord(name: string): boolean {
  return ends(name, RECORDS);
}

/** Whether the name is a game record's, or that of an archive, which may hold some. */
export function holdsGames(name: string): boolean {
  return ends(name, GAMES);
}
