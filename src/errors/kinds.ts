/** Who can mend it: the caller's input, the operator's policy or config, the chain, a provider, or us. */
export type ErrorKind = 'input' | 'policy' | 'chain' | 'provider' | 'config' | 'bug'

/**
 * `no`: the same call fails again; `same`: repeat the very same call at once; a number: the same call,
 * after that many seconds.
 */
export type Retry = 'no' | 'same' | { readonly afterSeconds: number }

/** What may have happened outside Bursar's own records when the error was thrown. */
export type SideEffect = 'none' | 'possible' | 'done'
