/** A table of texts: both languages have the same keys. */
export function texts<K extends string>(table: { en: Record<K, string>; zh: Record<K, string> }): typeof table {
  return table;
}
