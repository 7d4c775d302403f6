// Several files as one: a tar archive, which the server reads as any other.
// Format: POSIX ustar, names beyond 100 bytes as GNU tar writes them (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
import type { DroppedFile } from "../parts/Drop";

const BLOCK = 512;

function header(name: Uint8Array, size: number, type: string): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  block.set(name.subarray(0, 100), 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(size.toString(8).padStart(11, "0") + "\0", 124);
  put("00000000000\0", 136);
  put("        ", 148);
  put(type, 156);
  put("ustar\x0000", 257);
  put(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148);
  return block;
}

const padding = (size: number) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** A tar of the files. */
export function packed(files: readonly DroppedFile[]): Blob {
  const parts: BlobPart[] = [];
  for (const { name, data } of files) {
    const bytes = new TextEncoder().encode(name);
    if (bytes.length > 100) {
      parts.push(header(new TextEncoder().encode("././@LongLink"), bytes.length + 1, "L"), bytes, new Uint8Array(1), padding(bytes.length + 1));
    }
    parts.push(header(bytes, data.size, "0"), data, padding(data.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts);
}
