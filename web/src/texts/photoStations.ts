import { texts } from "./table";

/** Stations 5 and 6 of the lecture. */
export const photoStations = texts({
  en: {
  },
  zh: {
  },
});
