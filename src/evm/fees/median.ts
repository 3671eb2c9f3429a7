export function ascending(values: readonly bigint[]): readonly bigint[] {
  return [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** The upper one of two; 0 of none. */
export function median(values: readonly bigint[]): bigint {
  return ascending(values)[Math.floor(values.length / 2)] ?? 0n
}
