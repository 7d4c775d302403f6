// A place for files: drop, paste or choose.
import { useEffect, useRef, useState } from "preact/hooks";
import { filesOf } from "../lib/folder";
import { t } from "../lib/text";

export interface DroppedFile {
  name: string;
  data: Blob;
}

export interface DropProps {
  /** What may be chosen, as the `accept` of a file input. */
  accept?: string;
  /** What stands in the place. */
  hint?: string;
  multiple?: boolean;
  /** Folders may be dropped: the files in them whose names are wanted here, by path. */
  wanted?: (name: string) => boolean;
  /** Texts may be pasted too; they get this name. */
  textName?: string;
  /** Called with one file, or with all if several may be. */
  onFiles: (files: DroppedFile[]) => void;
}

/** Files dropped or pasted anywhere on the page count as well. */
export function Drop(props: DropProps) {
  const [over, setOver] = useState(false);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const take = (list: FileList | null | undefined): boolean => {
      const files = [...(list ?? [])].map((file) => ({ name: file.name, data: file as Blob }));
      if (files.length === 0) return false;
      latest.current.onFiles(latest.current.multiple ? files : files.slice(0, 1));
      return true;
    };
    const holds = (event: DragEvent) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const dragOver = (event: DragEvent) => {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const dragLeave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(false);
      const { wanted, onFiles } = latest.current;
      const folders = wanted && filesOf(event.dataTransfer, wanted);
      if (folders) void folders.then((files) => onFiles(files));
      else take(event.dataTransfer?.files);
    };
    const paste = (event: ClipboardEvent) => {
      // text that is pasted into a field belongs there
      if ((event.target as Element).closest?.("input, textarea")) return;
      if (take(event.clipboardData?.files)) return event.preventDefault();
      const text = event.clipboardData?.getData("text/plain") ?? "";
      const { textName, onFiles } = latest.current;
      if (textName && text.trim()) {
        event.preventDefault();
        onFiles([{ name: textName, data: new Blob([text]) }]);
      }
    };
    addEventListener("dragover", dragOver);
    addEventListener("dragleave", dragLeave);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragover", dragOver);
      removeEventListener("dragleave", dragLeave);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, []);

  return (
    <label class={over ? "drop over" : "drop"}>
      <input
        class="visually-hidden"
        type="file"
        accept={props.accept}
        multiple={props.multiple}
        onChange={(event) => {
          const input = event.currentTarget;
          const files = [...(input.files ?? [])].map((file) => ({ name: file.name, data: file as Blob }));
          if (files.length > 0) props.onFiles(files);
          // so that the same file can be chosen again
          input.value = "";
        }}
      />
      <span>{props.hint ?? t("drop.hint")}</span>
    </label>
  );
}
