/** What came of handing bytes to the network. Anything that is not acceptance proves nothing (R14). */
export type SubmitResult =
  | { readonly outcome: 'accepted' }
  | {
      readonly outcome: 'unknown'
      /** What the endpoints said, for the log. */
      readonly evidence: string
      /** What one of them seems to mean, in our words. */
      readonly reason?: string
    }
