// Talking to the server. Every failure is an Error whose message is a sentence for people, in their language.
import { said } from "./said";
import { t } from "./text";

/** What the server refused, with the HTTP status that says how. */
export class Refused extends Error {
  constructor(sentence: string, readonly status: number) {
    super(sentence);
  }
}

async function answer(response: Response): Promise<Response> {
  if (response.ok) return response;
  let sentence = `${response.status} ${response.statusText}`;
  try {
    sentence = ((await response.json()) as { error: string }).error ?? sentence;
  } catch {
    // not ours: the status says what there is to say
  }
  throw new Refused(said(sentence), response.status);
}

/** What `read` takes from the answer; it may break off within that, too. */
async function send<T>(path: string, options: RequestInit, read: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await read(await answer(await fetch(path, options)));
  } catch (error) {
    if (error instanceof TypeError) throw new Error(t("error.gone"));
    throw error;
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return send(path, { signal }, (response) => response.json() as Promise<T>);
}

export async function bytes(path: string): Promise<Blob> {
  return send(path, {}, (response) => response.blob());
}

/** Post a value as JSON, or bytes as they are. */
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const raw = body instanceof Blob || body instanceof ArrayBuffer;
  const options: RequestInit = {
    method: "POST",
    signal,
    body: raw ? body : JSON.stringify(body),
    headers: { "content-type": raw ? "application/octet-stream" : "application/json" },
  };
  return send(path, options, (response) => response.json() as Promise<T>);
}

/** Have the server forget something. */
export async function remove(path: string): Promise<void> {
  await send(path, { method: "DELETE" }, (response) => response.blob());
}

/** Server-sent events by name, each with its JSON; returns how to stop. What is lost is opened again, which `onLost` is told. */
export function events(path: string, handlers: Record<string, (value: never) => void>, onLost: (lost: boolean) => void = () => {}): () => void {
  let source: EventSource;
  let again = 0;
  function open(): void {
    source = new EventSource(path);
    source.onopen = () => onLost(false);
    source.onerror = (event) => {
      // an event of the server's that is called so brings data
      if ((event as MessageEvent<string>).data !== undefined) return;
      onLost(true);
      // the browser itself tries again unless it has given up
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 2000);
    };
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        const data = (event as MessageEvent<string>).data;
        if (data === undefined) return;
        const value = JSON.parse(data) as { error?: string };
        handler((name === "error" && value.error ? { ...value, error: said(value.error) } : value) as never);
      });
    }
  }
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}

/** A socket that is opened again when it is lost, and says what was sent last once more then. */
export class Socket<Out, In> {
  private socket: WebSocket | null = null;
  private last: Out | null = null;
  private closed = false;
  private wait = 200;

  constructor(
    private readonly path: string,
    private readonly onMessage: (message: In) => void,
    private readonly onLost: (lost: boolean) => void = () => {},
  ) {
    this.open();
  }

  send(message: Out): void {
    this.last = message;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private open(): void {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = 200;
      this.onLost(false);
      if (this.last !== null) socket.send(JSON.stringify(this.last));
    };
    socket.onmessage = (event: MessageEvent<string>) => this.onMessage(JSON.parse(event.data) as In);
    socket.onclose = () => {
      if (this.closed) return;
      this.onLost(true);
      setTimeout(() => !this.closed && this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, 5000);
    };
  }
}
