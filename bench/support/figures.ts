/** What a benchmark found: numbers by name, in the unit that the name ends with. */
export type Figures = Readonly<Record<string, number>>

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** To three significant digits: more is noise. */
export function round(value: number): number {
  return Number(value.toPrecision(3))
}

/** A fixed-width line of a report. */
export function line(name: string, ...columns: readonly string[]): void {
  console.log(`${name.padEnd(44)}${columns.map((column) => column.padStart(14)).join('')}`)
}

/** The value below which a share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
