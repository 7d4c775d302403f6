// A question whose answer is judged here; after a wrong one it can be shown.
import { useLayoutEffect, useState } from "preact/hooks";
import { PASS, fromVertex } from "../../lib/coords";
import { t } from "../../lib/text";
import { readings } from "./numbers";

export type Judge = (text: string) => "right" | "wrong" | "unclear";

/** Judges a number; tolerance: how far off it may be. */
export function numberIs(answer: number, tolerance = 0): Judge {
  return (text) => {
    const found = readings(text);
    if (found.length === 0) return "unclear";
    return found.some((value) => Math.abs(value - answer) <= tolerance) ? "right" : "wrong";
  };
}

/** Judges a point of the board. */
export function pointIn(points: readonly number[]): Judge {
  return (text) => {
    const point = fromVertex(text.normalize("NFKC").trim());
    return point < 0 || point === PASS ? "unclear" : points.includes(point) ? "right" : "wrong";
  };
}

export interface ExerciseProps {
  question: string;
  /** What one may type, as an example. */
  example: string;
  /** null while the answer is not known yet. */
  judge: Judge | null;
  answer: string;
  /** Why it is so; shown with the answer. */
  why: string;
}

function Exercise({ number, question, example, judge, answer, why }: ExerciseProps & { number: number }) {
  const [text, setText] = useState("");
  const [verdict, setVerdict] = useState<"right" | "wrong" | "unclear" | "shown" | null>(null);
  // another question, another answer; before anybody sees it, for what is typed then is not to be lost
  useLayoutEffect(() => {
    setText("");
    setVerdict(null);
  }, [question, answer]);
  return (
    <form
      class="exercise"
      onSubmit={(event) => {
        event.preventDefault();
        if (judge && text.trim()) setVerdict(judge(text));
      }}
    >
      <label>
        <span class="question">{`${number}. ${question}`}</span>
        <input type="text" value={text} placeholder={example} autoComplete="off" onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button disabled={!judge || !text.trim()}>{t("exercise.check")}</button>
      {/* it stays when it was pressed: the focus is on it */}
      {verdict && verdict !== "right" && (
        <button type="button" onClick={() => setVerdict("shown")}>{t("exercise.show")}</button>
      )}
      <p class={`verdict ${verdict ?? ""}`} role="status">
        {verdict === "right" && `✓ ${t("exercise.right")} ${why}`}
        {verdict === "wrong" && `✗ ${t("exercise.wrong")}`}
        {verdict === "unclear" && t("exercise.unclear", { example })}
        {verdict === "shown" && `${t("exercise.answer", { answer })} ${why}`}
      </p>
    </form>
  );
}

export function Exercises({ all }: { all: readonly ExerciseProps[] }) {
  return (
    <section class="card exercises" aria-labelledby="exercises">
      <h2 id="exercises">{t("exercise.title")}</h2>
      {all.map((each, k) => <Exercise key={k} number={k + 1} {...each} />)}
    </section>
  );
}
