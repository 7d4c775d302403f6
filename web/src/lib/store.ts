// State outside of components, which are drawn anew when it changes.
import { useEffect, useReducer } from "preact/hooks";

export class Store {
  private readonly listeners = new Set<() => void>();

  /** Be told of every change; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tell that something has changed. */
  changed(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** Draw the component anew whenever the store changes. */
export function useStore<T extends Store>(store: T): T {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    // it may have changed between the first drawing and now
    draw(0);
    return store.subscribe(() => draw(0));
  }, [store]);
  return store;
}
