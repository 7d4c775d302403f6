// Answers of the server as components need them: asked anew when the question changes, the one before kept meanwhile.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../../lib/api";

export interface Answered<T> {
  /** What was answered last, perhaps to the question before. */
  value: T | null;
  /** Whether `value` answers the question. */
  current: boolean;
  error: string;
}

/** Ask a route: by POST with a message, by GET without one (undefined); null asks nothing. */
export function useAnswer<T>(path: string, message?: unknown): Answered<T> {
  const question = message === null ? "" : `${path} ${JSON.stringify(message) ?? ""}`;
  const [state, setState] = useState<{ question: string; value: T | null; error: string }>({ question: "", value: null, error: "" });
  const latest = useRef("");
  latest.current = question;
  useEffect(() => {
    if (!question) return undefined;
    const stop = new AbortController();
    const asked = message === undefined ? get<T>(path, stop.signal) : post<T>(path, message, stop.signal);
    asked.then(
      (value) => latest.current === question && setState({ question, value, error: "" }),
      (error: Error) => latest.current === question && !stop.signal.aborted && setState({ question, value: null, error: error.message }),
    );
    return () => stop.abort();
  }, [question]);
  const current = state.question === question;
  return { value: state.value, current: current && state.value !== null, error: current ? state.error : "" };
}
