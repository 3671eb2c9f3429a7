import { readFileSync } from 'node:fs'
import { BursarError } from '../errors/bursarError.ts'
import { Secret } from '../primitives/secret.ts'
import { boundedPost, type PostFailed } from '../rpc/boundedPost.ts'
import { parseAnswer } from '../rpc/endpoint/answers.ts'
import { wordsWithout } from '../rpc/endpoint/ownSecrets.ts'
import type { RpcErrorBody, RpcOutcome } from '../rpc/transport.ts'
import { codeOf, readSecretFile } from './keystore/files.ts'

export interface RemoteAccess {
  /** Of the wallet, for what is said when it fails. */
  readonly name: string
  /** Secret, because it may carry credentials. */
  readonly url: Secret
  /** Host and port. */
  readonly host: string
  /** Bound on one call, connection included. */
  readonly timeoutMs: number
  readonly tokenFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly caFile?: string
}

/** A signed transaction has at most 128 KiB, as hex twice that, and Geth tells all of it a second time. */
const MOST_BYTES = 1024 * 1024

/**
 * One JSON-RPC call to a signer, over a connection of its own; redirects are not followed. Throws `signer_unreachable`,
 * and what is wrong with a file that it needs; a refusal is an outcome, without the secrets that it was asked with.
 */
export function remoteCalls(
  access: RemoteAccess,
): (method: string, params: readonly unknown[]) => Promise<RpcOutcome> {
  const { name, host, timeoutMs } = access
  const { url, basic } = withoutCredentials(access.url)
  const hidden = wordsWithout(access.url)
  const failed = (reason: string, cause?: unknown) =>
    new BursarError('signer_unreachable', { name, host, reason }, { cause })
  let nextId = 1

  return async (method, params) => {
    const id = nextId++
    const token = access.tokenFile === undefined ? '' : readSecretFile(access.tokenFile).trim()
    const authorization = token === '' ? basic : new Secret(`Bearer ${token}`)
    const headers = {
      'content-type': 'application/json',
      ...(authorization && { authorization: authorization.reveal() }),
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const request = { url, headers, body, maxBytes: MOST_BYTES, tls: tlsOf(access) }
    const { status, text } = await boundedPost(request, AbortSignal.timeout(timeoutMs)).catch(
      // Nothing else is thrown, and its words are ours.
      (error: PostFailed) => {
        throw failed(error.message, error)
      },
    )
    const outcome = outcomeOf(text, id, host)
    if (!outcome) throw failed(`what it answered with HTTP ${status} is not JSON-RPC`)
    if (outcome.ok && status !== 200) throw failed(`it answered with HTTP ${status}`)
    return outcome.ok ? outcome : without(outcome.error, token)
  }

  function without({ code, message }: RpcErrorBody, token: string): RpcOutcome {
    const words = hidden(message)
    return { ok: false, error: { code, message: token === '' ? words : words.split(token).join('[secret]') } }
  }
}

function outcomeOf(text: string, id: number, host: string): RpcOutcome | undefined {
  try {
    return parseAnswer(text, id, host)
  } catch {
    // Not JSON-RPC: what came instead is not shown, since it may quote anything.
    return undefined
  }
}

/** Read at each call: who renews a token or a certificate need not start anything again. */
function tlsOf({ certFile, keyFile, caFile }: RemoteAccess) {
  return {
    ...(certFile !== undefined && { cert: readOpen(certFile) }),
    ...(keyFile !== undefined && { key: readSecretFile(keyFile) }),
    ...(caFile !== undefined && { ca: readOpen(caFile) }),
  }
}

/** Certificates are no secrets. */
function readOpen(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new BursarError('secret_file_unreadable', { path, reason: codeOf(error) }, { cause: error })
  }
}

/** User name and password of a URL go into a header. */
function withoutCredentials(secret: Secret): { readonly url: Secret; readonly basic?: Secret } {
  const url = new URL(secret.reveal())
  if (url.username === '') return { url: secret }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  const basic = new Secret(`Basic ${Buffer.from(credentials).toString('base64')}`)
  return { url: new Secret(url.href), basic }
}
