// A button that leads through a game.
import { t, type TextKey } from "../lib/text";

// drawn, since not every machine has letters for them
const ICONS = {
  first: "M2 2h2v14H2zM15 2v14L5 9z",
  back: "M13 2v14L3 9z",
  next: "M3 2v14l10-7z",
  last: "M12 2h2v14h-2zM1 2v14l10-7z",
};

export interface StepKeyProps {
  label: TextKey;
  icon: keyof typeof ICONS;
  /** The keys that do the same. */
  keys: string;
  disabled?: boolean;
  onClick: () => void;
}

export function StepKey({ label, icon, keys, disabled, onClick }: StepKeyProps) {
  return (
    <button class="key" aria-label={t(label)} title={`${t(label)} (${keys})`} disabled={disabled} onClick={onClick}>
      <svg viewBox="0 0 16 18" aria-hidden="true"><path d={ICONS[icon]} /></svg>
    </button>
  );
}
