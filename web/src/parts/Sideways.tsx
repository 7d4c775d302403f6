// What may be wider than its place scrolls sideways in it, and says so: a shade and an arrow at the side where there is more.
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** Mark `frame` (of the class `sideways`) with the sides, `before` and `after`, to which `inner` can be scrolled. */
export function useSides(frame: RefObject<HTMLElement>, inner: RefObject<HTMLElement>): void {
  const note = () => {
    const [outside, inside] = [frame.current!, inner.current!];
    outside.toggleAttribute("data-before", inside.scrollLeft > 1);
    outside.toggleAttribute("data-after", inside.scrollLeft + inside.clientWidth < inside.scrollWidth - 1);
  };
  useLayoutEffect(note);
  useLayoutEffect(() => {
    const inside = inner.current!;
    const watch = new ResizeObserver(note);
    watch.observe(inside);
    for (const each of inside.children) watch.observe(each);
    inside.addEventListener("scroll", note, { passive: true });
    return () => {
      watch.disconnect();
      inside.removeEventListener("scroll", note);
    };
  }, []);
}

/** label: what it holds; the arrow keys scroll it, too. */
export function Sideways({ label, class: kind, children }: { label: string; class: string; children: ComponentChildren }) {
  const frame = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  useSides(frame, inner);
  return (
    <div class="sideways" ref={frame}>
      <div class={kind} ref={inner} tabIndex={0} role="group" aria-label={label}>{children}</div>
    </div>
  );
}
