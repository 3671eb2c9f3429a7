/** Something that a person should do something about, now. */
export interface Alert {
  readonly code: 'low-balance'
  /** CAIP-2 id. */
  readonly chain: string
  readonly wallet: string
  /** What is the matter and what to do, in our words. */
  readonly message: string
  /** ISO 8601. */
  readonly since: string
}

/** Where alerts go. What is raised again with the same code, chain and wallet is one alert that changed. */
export interface AlertSink {
  raise(alert: Alert): void
  /** It is over. */
  clear(alert: Alert): void
}
