// Answers of the server as components need them: asked anew when the question changes, the one before kept meanwhile.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../../lib/api";
import { Store } from "../../lib/store";

/** How many answers are waited for, and whether one has come: from then on the server has compiled what it needs. */
class Pending extends Store {
  count = 0;
  answered = false;

  /** Wait for an answer; computed: whether the server computes for it. */
  async during<T>(answer: Promise<T>, computed: boolean): Promise<T> {
    this.count++;
    this.changed();
    try {
      const value = await answer;
      this.answered ||= computed;
      return value;
    } finally {
      this.count--;
      this.changed();
    }
  }
}

export const pending = new Pending();

export interface Answered<T> {
  /** What was answered last, perhaps to the question before. */
  value: T | null;
  /** Whether `value` answers the question. */
  current: boolean;
  error: string;
}

/** Ask anew when the question changes, by `ask`; an empty one asks nothing. */
export function useQuestion<T>(question: string, ask: (signal: AbortSignal) => Promise<T>): Answered<T> {
  const [state, setState] = useState<{ question: string; value: T | null; error: string }>({ question: "", value: null, error: "" });
  const latest = useRef("");
  latest.current = question;
  useEffect(() => {
    // what was answered last need not be asked again, though it was hidden meanwhile
    if (!question || (state.question === question && state.value !== null)) return undefined;
    const stop = new AbortController();
    ask(stop.signal).then(
      (value) => latest.current === question && setState({ question, value, error: "" }),
      (error: Error) => latest.current === question && !stop.signal.aborted && setState({ question, value: null, error: error.message }),
    );
    return () => stop.abort();
  }, [question]);
  const current = state.question === question;
  return { value: state.value, current: current && state.value !== null, error: current ? state.error : "" };
}

/** Ask a route: by POST with a message, by GET without one (undefined); null asks nothing. */
export function useAnswer<T>(path: string, message?: unknown): Answered<T> {
  return useQuestion(message === null ? "" : `${path} ${JSON.stringify(message) ?? ""}`, (signal) => {
    const asked = message === undefined ? get<T>(path, signal) : post<T>(path, message, signal);
    return pending.during(asked, message !== undefined);
  });
}
