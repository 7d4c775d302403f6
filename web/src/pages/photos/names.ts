// How a class is called in a sentence.
import { t } from "../../lib/text";

/** Whether a class has only a number. */
export function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}

/** fried_egg is fried egg, and 3 is class 3, so that it is not taken for a count or a part of the share beside it. */
export function called(name: string): string {
  return isNumber(name) ? t("answers.class", { name }) : name.replace(/_/g, " ");
}
