// Waiting that takes long is told.
import { useEffect, useState } from "preact/hooks";

/** An answer takes milliseconds, unless the server compiles: then a person wants to know why nothing comes. */
export const PREPARING_AFTER = 1500;

/** Whether something has been so for that many milliseconds. */
export function useLate(so: boolean, milliseconds: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!so) return;
    const timer = setTimeout(() => setLate(true), milliseconds);
    return () => clearTimeout(timer);
  }, [so, milliseconds]);
  return so && late;
}
