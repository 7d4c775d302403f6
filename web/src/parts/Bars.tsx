// Classes with their probabilities as bars.
import { t } from "../lib/text";

export interface Bar {
  name: string;
  probability: number;
}

export interface BarsProps {
  bars: readonly Bar[];
  /** The one that is looked at. */
  chosen?: string;
  /** Bars that can be chosen are buttons. */
  onChoose?: (name: string) => void;
  label: string;
}

export function shareText(probability: number): string {
  const share = probability * 100;
  return `${share > 0 && share < 0.05 ? "<\u00a00.1" : share.toFixed(1)}\u00a0%`;
}

export function Bars({ bars, chosen, onChoose, label }: BarsProps) {
  return (
    <ul class="bars" aria-label={label}>
      {bars.map(({ name, probability }) => {
        const inside = (
          <>
            <span class="barname">{name.replace(/_/g, " ")}</span>
            <span class="track" aria-hidden="true"><span class="fill" style={{ width: `${Math.max(0.4, probability * 100)}%` }} /></span>
            <span class="share">{shareText(probability)}</span>
          </>
        );
        return (
          <li key={name}>
            {onChoose
              ? <button aria-pressed={name === chosen} title={t("bars.explain", { name })} onClick={() => onChoose(name)}>{inside}</button>
              : <div class="onebar">{inside}</div>}
          </li>
        );
      })}
    </ul>
  );
}
