/** libsecp256k1: signatures are deterministic (RFC 6979) and of low s, so they are those of any other implementation. */
export interface NativeCurve {
  /** `signature`: r and s, 64 bytes; `recid`: 0 or 1. Throws when the key is not one. */
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { readonly signature: Uint8Array; readonly recid: number }
  /** The signer's public key, 65 bytes when not `compressed`. Throws when nobody can have signed so. */
  ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: false): Uint8Array
}

let loading: Promise<NativeCurve | undefined> | undefined

/**
 * Native code that signs 8 times and recovers 30 times as fast as JavaScript; undefined where it is not installed or
 * not built for this machine. Of its package only this file is used, never its own JavaScript stand-in.
 */
export function nativeCurve(): Promise<NativeCurve | undefined> {
  loading ??= import('secp256k1/bindings.js').then(
    ({ default: curve }) => curve as NativeCurve,
    () => undefined,
  )
  return loading
}
