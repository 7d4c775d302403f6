// A game in an address: its SGF, compressed (raw deflate), in base64url; `#sgf=...&at=12.1.5`.
import type { Tree } from "./tree";
import { writeSgf } from "./tree";

async function through(data: Blob, transform: CompressionStream | DecompressionStream): Promise<Blob> {
  return new Response(data.stream().pipeThrough(transform)).blob();
}

/** More than this a link does not unpack to: it may come from anybody. */
const MOST = 20 << 20;

export async function packed(text: string): Promise<string> {
  const data = await (await through(new Blob([text]), new CompressionStream("deflate-raw"))).arrayBuffer();
  let binary = "";
  for (const byte of new Uint8Array(data)) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** Throws where it is no packed text, or one that is too long. */
export async function unpacked(code: string): Promise<string> {
  const binary = atob(code.replace(/-/g, "+").replace(/_/g, "/"));
  const data = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MOST) throw new Error("too long");
    parts.push(value);
  }
  return new Blob(parts).text();
}

/** What comes after the address of the page for this game and the place in it. */
export async function hashOf(tree: Tree): Promise<string> {
  return `#sgf=${await packed(writeSgf(tree))}&at=${tree.path}`;
}

/** The game in an address, or null if there is none. Throws where it cannot be read. */
export async function fromHash(hash: string): Promise<{ sgf: string; at: string } | null> {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const code = values.get("sgf");
  return code === null ? null : { sgf: await unpacked(code), at: values.get("at") ?? "" };
}
