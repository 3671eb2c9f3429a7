/** Counting port. Labels are few and bounded: chains, hosts, methods, outcomes; never addresses or ids. */
export interface Metrics {
  count(name: string, labels: MetricLabels, by?: number): void
  /** A level that goes up and down. */
  gauge(name: string, labels: MetricLabels, value: number): void
  /** One measurement of a distribution, in seconds or plain units. */
  observe(name: string, labels: MetricLabels, value: number): void
}

export type MetricLabels = Readonly<Record<string, string>>

export const silentMetrics: Metrics = { count() {}, gauge() {}, observe() {} }
