// A picture from the camera of this machine.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../lib/text";

function refusal(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (!isSecureContext || !navigator.mediaDevices) return t("camera.insecure");
  if (name === "NotAllowedError" || name === "SecurityError") return t("camera.refused");
  if (name === "NotFoundError" || name === "OverconstrainedError") return t("camera.none");
  if (name === "NotReadableError" || name === "AbortError") return t("camera.busy");
  return t("camera.failed");
}

export function Camera({ onPicture }: { onPicture: (data: Blob) => void }) {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [error, setError] = useState("");
  const video = useRef<HTMLVideoElement>(null);
  const running = useRef<MediaStream | null>(null);
  const gone = useRef(false);
  const asking = useRef(false);
  const taking = useRef<HTMLButtonElement>(null);
  const opening = useRef<HTMLButtonElement>(null);
  const opened = useRef(false);

  const stop = () => {
    running.current?.getTracks().forEach((track) => track.stop());
    running.current = null;
    setStream(null);
  };
  useEffect(() => () => {
    gone.current = true;
    running.current?.getTracks().forEach((track) => track.stop());
  }, []);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
    // the button that was pressed is gone
    if (stream || opened.current) (taking.current ?? opening.current)?.focus();
    opened.current = stream !== null;
  }, [stream]);

  const start = async () => {
    // a second one would go on unseen
    if (asking.current) return;
    asking.current = true;
    setError("");
    try {
      const found = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
      running.current = found;
      // the page may have been left while the person was asked
      if (gone.current) return stop();
      setStream(found);
    } catch (raised) {
      setError(refusal(raised));
    } finally {
      asking.current = false;
    }
  };
  const take = () => {
    const seen = video.current!;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [seen.videoWidth, seen.videoHeight];
    if (!canvas.width) return;
    canvas.getContext("2d")!.drawImage(seen, 0, 0);
    canvas.toBlob((blob) => {
      stop();
      if (blob) onPicture(blob);
    }, "image/jpeg", 0.92);
  };

  return (
    <>
      {!stream && <button ref={opening} onClick={() => void start()}>{t("camera.open")}</button>}
      {error && <p class="error" role="alert">{error}</p>}
      {stream && (
        <div class="camera">
          <video ref={video} autoPlay playsInline muted aria-label={t("camera.seen")} />
          <div class="row">
            <button class="primary" ref={taking} onClick={take}>{t("camera.take")}</button>
            <button onClick={stop}>{t("camera.close")}</button>
          </div>
        </div>
      )}
    </>
  );
}
