import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import type { Hex } from 'viem'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { base } from '../../src/chains/data/base.ts'
import { BursarError } from '../../src/errors/bursarError.ts'
import { unsignedBytes } from '../../src/evm/codec.ts'
import { hostOf, Secret } from '../../src/primitives/secret.ts'
import { type RemoteAccount, remoteSigner } from '../../src/wallets/remoteSigner.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import { makeCertificate } from '../support/certificate.ts'
import { MERCHANT, USDC } from '../support/engine.ts'
import { CANARY_ACCOUNT, CANARY_KEY, OTHER_ACCOUNT, OTHER_KEY, placeSecret } from '../support/keystores.ts'
import { startRemoteSigner, type TestSigner, withHighS } from '../support/remoteSigner.ts'
import { testClock } from '../support/testClock.ts'
import { codec, orderFor } from './support.ts'

const clock = testClock()
const { home, remove } = temporaryHome()
let server: TestSigner
beforeEach(async () => {
  server = await startRemoteSigner(CANARY_KEY)
})
afterEach(() => server.close())
afterAll(() => remove())

const signerAt = (url: string, change: Partial<RemoteAccount> = {}) =>
  remoteSigner(
    {
      name: 'ops',
      address: CANARY_ACCOUNT,
      url: new Secret(url),
      host: hostOf(url),
      timeoutMs: 5_000,
      ...change,
    },
    clock,
  )
const order = (change = {}) => orderFor(CANARY_KEY, clock.now(), change)
const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof BursarError)) throw new Error(`no BursarError: ${String(error)}`)
  return error
}

describe('F1: a signer elsewhere', () => {
  it('T33: signs what was asked, and what comes back is exactly that, by that account', async () => {
    const accessList = [
      { address: USDC.toLowerCase() as Hex, storageKeys: [`0x${'00'.repeat(31)}01` as Hex] },
    ]
    for (const change of [{}, { value: '0', data: '0x' as Hex, to: MERCHANT as Hex }, { accessList }]) {
      const wanted = order(change)
      const { raw, hash } = await signerAt(server.url).sign(wanted, codec)
      expect([raw]).toEqual(server.signed.slice(-1))
      const parsed = await codec.parse(raw)
      expect(parsed).toEqual({ payload: wanted.payload, nonce: 7n, terms: wanted.terms, hash })
    }
    expect(server.calls[0]).toEqual({
      method: 'eth_signTransaction',
      authorization: undefined,
      params: [
        {
          type: '0x2',
          chainId: '0x2105',
          nonce: '0x7',
          from: CANARY_ACCOUNT,
          to: USDC,
          value: '0x5',
          data: `0xa9059cbb${'0'.repeat(24)}${MERCHANT.slice(2).toLowerCase()}${'0'.repeat(63)}1`,
          gas: '0xea60',
          maxFeePerGas: '0x77359400',
          maxPriorityFeePerGas: '0xf4240',
        },
      ],
    })
  })

  it('takes the answer of Geth as well, which has the bytes in an object', async () => {
    server.setFault({
      kind: 'bytes',
      change: (raw) => ({ raw: raw.toUpperCase().replace('0X', '0x'), tx: {} }),
    })
    const { raw } = await signerAt(server.url).sign(order(), codec)
    expect([raw]).toEqual(server.signed)
  })

  it('is an account that may sign elsewhere, and needs nothing before it does', async () => {
    const signer = signerAt(server.url)
    await signer.ready()
    expect([signer.can, signer.made, signer.account]).toEqual(['sign', 'elsewhere', CANARY_ACCOUNT])
    expect(server.calls).toEqual([])
  })

  it('says whether the signer has the key', async () => {
    expect(await signerAt(server.url).holdsKey()).toBe(true)
    expect(await signerAt(server.url, { address: OTHER_ACCOUNT }).holdsKey()).toBe(false)
    server.setFault({ kind: 'result', result: 'no list' })
    expect(await signerAt(server.url).holdsKey()).toBe(false)
  })

  it('R1: nothing is asked without a fresh receipt for exactly that payload of that account', async () => {
    const signer = signerAt(server.url)
    const wanted = order()
    const stale = orderFor(CANARY_KEY, clock.now() - 61_000)
    for (const wrong of [
      orderFor(OTHER_KEY, clock.now()),
      { ...wanted, payload: order({ value: '6' }).payload },
      stale,
    ])
      expect(await failure(signer.sign(wrong, codec))).toMatchObject({ code: 'receipt_refused' })
    expect(server.calls).toEqual([])
  })

  it('R1: what was signed so late that its simulation is stale is not used', async () => {
    server.setFault({
      kind: 'bytes',
      change: (raw) => {
        clock.advance(61_000)
        return raw
      },
    })
    expect(await failure(signerAt(server.url).sign(order(), codec))).toMatchObject({
      code: 'receipt_refused',
    })
    expect(server.signed).toHaveLength(1)
  })
})

describe('T33: a signer that signs something else is told, and its bytes are thrown away', () => {
  const LIES: Readonly<Record<string, readonly [change: Record<string, unknown>, told: string]>> = {
    'another chain': [{ chainId: 1 }, 'chainId'],
    'another nonce': [{ nonce: 8 }, 'nonce'],
    'nonce 0': [{ nonce: 0 }, 'nonce'],
    'another recipient': [{ to: MERCHANT }, 'to'],
    'a new contract': [{ to: undefined }, 'to'],
    'another value': [{ value: 6n }, 'value'],
    'no value': [{ value: 0n }, 'value'],
    'other data': [{ data: '0xa9059cbb' }, 'data'],
    'no data': [{ data: '0x' }, 'data'],
    'more gas': [{ gas: 60_001n }, 'gas'],
    'a higher fee': [{ maxFeePerGas: 2_000_000_001n }, 'maxFeePerGas'],
    'a higher tip': [{ maxPriorityFeePerGas: 1_000_001n }, 'maxPriorityFeePerGas'],
    'no fees': [{ maxFeePerGas: 0n, maxPriorityFeePerGas: 0n }, 'maxFeePerGas, maxPriorityFeePerGas'],
    'an access list': [{ accessList: [{ address: USDC, storageKeys: [] }] }, 'accessList'],
    'another type': [
      { type: 'eip2930', gasPrice: 2_000_000_000n, maxFeePerGas: undefined, maxPriorityFeePerGas: undefined },
      'type, maxFeePerGas, maxPriorityFeePerGas',
    ],
    'an old type': [
      {
        ...{ type: 'legacy', gasPrice: 2_000_000_000n, accessList: undefined },
        ...{ maxFeePerGas: undefined, maxPriorityFeePerGas: undefined },
      },
      'type, maxFeePerGas, maxPriorityFeePerGas',
    ],
  }
  it.each(Object.entries(LIES))('%s', async (_what, [change, told]) => {
    server.setFault({ kind: 'other', change })
    expect(await failure(signerAt(server.url).sign(order(), codec))).toMatchObject({
      code: 'signer_mismatch',
      context: { name: 'ops', host: hostOf(server.url), reason: `other than asked: ${told}` },
      sideEffect: 'none',
    })
    expect(server.signed).toHaveLength(1)
  })

  const unsigned = () => {
    const { payload, nonce, terms } = order()
    return unsignedBytes(base, payload, nonce, terms)
  }
  const BYTES: Readonly<Record<string, readonly [change: (raw: Hex) => unknown, told: string]>> = {
    'no text': [() => 7, 'it answered with what is no bytes'],
    nothing: [() => null, 'it answered with what is no bytes'],
    'no hex': [() => '0xzz', 'it answered with what is no bytes'],
    'half of it': [(raw) => raw.slice(0, 100), 'its bytes are no transaction'],
    'a signature that no chain takes': [withHighS, 'its signature is one that no chain takes'],
    'an s with zeros before it': [
      (raw) => `${raw.slice(0, -64)}${'0'.repeat(63)}1`,
      'its bytes are not those of the transaction',
    ],
    'an r that is none': [
      (raw) => raw.replace(/a0[0-9a-f]{64}a0[0-9a-f]{64}$/, `a0${'ff'.repeat(32)}a0${'11'.repeat(32)}`),
      'signed by nobody',
    ],
    'no signature': [() => unsigned(), 'it is not signed'],
    'bytes after it': [(raw) => `${raw}00`, 'its bytes are'],
  }
  it.each(Object.entries(BYTES))('%s', async (_what, [change, told]) => {
    server.setFault({ kind: 'bytes', change })
    const { code, message } = await failure(signerAt(server.url).sign(order(), codec))
    expect(code).toBe('signer_mismatch')
    expect(message).toContain(told)
  })

  it('the key of another account', async () => {
    const other = await startRemoteSigner(CANARY_KEY, { signAs: OTHER_KEY })
    expect(await failure(signerAt(other.url).sign(order(), codec))).toMatchObject({
      code: 'signer_mismatch',
      context: { reason: `it is signed by ${OTHER_ACCOUNT}` },
    })
    await other.close()
  })
})

describe('R10: a signer that does not sign', () => {
  it.each([
    ['hangs', { kind: 'hang' }, 'it did not answer in time'],
    ['loses its answer', { kind: 'lost' }, 'it cannot be reached'],
    [
      'is no signer',
      { kind: 'status', code: 200, body: '<html>' },
      'what it answered with HTTP 200 is not JSON-RPC',
    ],
    [
      'is in trouble',
      { kind: 'status', code: 502, body: 'x' },
      'what it answered with HTTP 502 is not JSON-RPC',
    ],
    [
      'answers, and says that it does not',
      { kind: 'status', code: 500, body: '{"jsonrpc":"2.0","id":1,"result":"0x"}' },
      'it answered with HTTP 500',
    ],
  ] as const)('%s: nothing was sent, and it may be tried again', async (_what, fault, reason) => {
    server.setFault(fault)
    const error = await failure(signerAt(server.url, { timeoutMs: 300 }).sign(order(), codec))
    expect(error).toMatchObject({
      code: 'signer_unreachable',
      retry: { afterSeconds: 5 },
      sideEffect: 'none',
    })
    expect(error.message).toContain(reason)
  })

  it('T34: answers too much: that is not read to its end', async () => {
    server.setFault({ kind: 'status', code: 200, body: ' '.repeat(2_000_000) })
    const error = await failure(signerAt(server.url).sign(order(), codec))
    expect(error.message).toContain('its answer is too large')
  })

  it('T13: is not followed to where it redirects', async () => {
    const elsewhere = await startRemoteSigner(CANARY_KEY)
    server.setFault({ kind: 'status', code: 307, location: elsewhere.url })
    const error = await failure(signerAt(server.url).sign(order(), codec))
    expect(error).toMatchObject({ code: 'signer_unreachable' })
    expect(elsewhere.calls).toEqual([])
    await elsewhere.close()
  })

  it('R9, T15: refuses: its words are quoted, without the secrets that it was asked with', async () => {
    const token = placeSecret(home, 'token', 'canary-token-51f0\n')
    const url = server.url.replace('//', '//ops:canary-word-77aa@')
    const words = 'ops:canary-word-77aa may not, nor may canary-token-51f0'
    server.setFault({ kind: 'refuse', message: words })
    const error = await failure(signerAt(url, { tokenFile: token }).sign(order(), codec))
    expect(error).toMatchObject({ code: 'signer_refused', context: { code: -32000 }, sideEffect: 'none' })
    expect(error.quoted?.untrusted).toBe('ops:[secret] may not, nor may [secret]')
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/canary/)
    // As it was sent, in a header: a password shorter than is looked for by itself too.
    for (const credentials of ['ops:canary-word-77aa', 'a:b']) {
      const sent = Buffer.from(credentials).toString('base64')
      server.setFault({
        kind: 'refuse',
        message: `no such user (Authorization: Basic ${sent}; ${sent.replace(/=+$/, '')})`,
      })
      const quoting = await failure(
        signerAt(server.url.replace('//', `//${credentials}@`)).sign(order(), codec),
      )
      expect(quoting.quoted?.untrusted).toMatch(
        /^no such user \(Authorization: Basic \[secret\]=*; \[secret\]\)$/,
      )
    }
    server.setFault({ kind: 'refuse', message: words })
    const plain = await failure(signerAt(server.url).sign(order(), codec))
    expect(plain.quoted?.untrusted).toBe(words)
  })
})

describe('F1: how Bursar identifies itself to a signer', () => {
  it('by a token that is read at each call, or by the user name and password of the URL', async () => {
    const token = placeSecret(home, 'token', 'first\n')
    const signer = signerAt(server.url, { tokenFile: token })
    await signer.sign(order(), codec)
    writeFileSync(token, 'second')
    await signer.sign(order(), codec)
    await signerAt(server.url.replace('//', '//ops:p%40ss@')).sign(order(), codec)
    expect(server.calls.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer second',
      `Basic ${Buffer.from('ops:p@ss').toString('base64')}`,
    ])
  })

  it('T15: a token that others can read, or that is no header, is not sent', async () => {
    writeFileSync(join(home, 'open'), 'canary', { mode: 0o644 })
    const open = signerAt(server.url, { tokenFile: join(home, 'open') })
    expect(await failure(open.sign(order(), codec))).toMatchObject({ code: 'secret_file_exposed' })
    const odd = signerAt(server.url, { tokenFile: placeSecret(home, 'odd', 'canary\u0000') })
    const error = await failure(odd.sign(order(), codec))
    expect(error).toMatchObject({ code: 'signer_unreachable' })
    expect(JSON.stringify([error.message, error.context])).not.toContain('canary')
    expect(server.calls).toEqual([])
  })

  it('by a client certificate, to whom its authority vouches for, and to nobody else', async () => {
    const { certFile, keyFile } = makeCertificate(home)
    const pem = { cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(certFile) }
    const secure = await startRemoteSigner(CANARY_KEY, { tls: { ...pem, requestCert: true } })
    writeFileSync(keyFile, readFileSync(keyFile), { mode: 0o600 })
    const own = placeSecret(home, 'client.key', readFileSync(keyFile, 'utf8'))
    const known = signerAt(secure.url, { certFile, keyFile: own, caFile: certFile })
    expect(await known.holdsKey()).toBe(true)
    for (const wrong of [signerAt(secure.url, { caFile: certFile }), signerAt(secure.url)])
      expect(await failure(wrong.holdsKey())).toMatchObject({ code: 'signer_unreachable' })
    const missing = signerAt(secure.url, { caFile: join(home, 'none.pem') })
    expect(await failure(missing.holdsKey())).toMatchObject({
      code: 'secret_file_unreadable',
      context: { reason: 'ENOENT' },
    })
    await secure.close()
  })
})
