/** What a token may be good for. The first three are the effects of tools; `admin` is for what operators do. */
export const SCOPES = ['read', 'prepare', 'spend', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Of the client that holds the pipe of a server over stdio: the operator's own. */
export const LOCAL_PRINCIPAL = 'local'

/** Who asks, and what they may have done. */
export interface Identity {
  readonly principal: string
  readonly scopes: ReadonlySet<Scope>
}

/** Whoever holds the pipe may do what the operator may. */
export const LOCAL_IDENTITY: Identity = { principal: LOCAL_PRINCIPAL, scopes: new Set(SCOPES) }

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text)
}
