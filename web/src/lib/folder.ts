// Folders that are dropped on the page: the files in them.

export interface NamedFile {
  name: string;
  data: Blob;
}

/** The wanted files of what was dropped, by their paths in it; null if there is no folder among it. Must be called while the event is handled. */
export function filesOf(dropped: DataTransfer | null, wanted: (name: string) => boolean): Promise<NamedFile[]> | null {
  const entries = [...(dropped?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return null;
  return Promise.all(entries.map((entry) => walk(entry, "", wanted))).then((found) => found.flat());
}

async function walk(entry: FileSystemEntry, place: string, wanted: (name: string) => boolean): Promise<NamedFile[]> {
  const name = place + entry.name;
  if (entry.isFile) {
    if (!wanted(name)) return [];
    const data = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ name, data }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: NamedFile[] = [];
  for (;;) {
    // a hundred at a time
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const each of some) found.push(...(await walk(each, `${name}/`, wanted)));
  }
}
