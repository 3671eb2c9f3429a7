import { format, inspect } from 'node:util'
import { expect, it } from 'vitest'
import { hostOf, Secret } from '../../src/primitives/secret.ts'

const CANARY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'

it('R6, T15: is shown by nothing but reveal', () => {
  const secret = new Secret(CANARY)
  const error = new Error(`with ${secret}`, { cause: { secret } })
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret, { showHidden: true, depth: 10 }),
    inspect({ deep: { secret } }, { showHidden: true, depth: 10 }),
    inspect(error, { showHidden: true, depth: 10 }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify({ ...secret }),
    Object.entries(secret).join(),
    Reflect.ownKeys(secret).map(String).join(),
    JSON.stringify(structuredClone({ ...secret })),
  ]
  expect(shown.join('\n')).not.toContain(CANARY.slice(2, 20))
  expect(String(secret)).toBe('[secret]')
  expect(secret.reveal()).toBe(CANARY)
})

it.each([
  ['https://user:pass@rpc.example.com/v2/key?api=key', 'rpc.example.com'],
  ['http://127.0.0.1:8545/key', '127.0.0.1:8545'],
  ['wss://[::1]:99/x', '[::1]:99'],
  ['redis+sentinel://user:pass@[::1]:7,s.example/main/0?sentinelPassword=key', '[::1]:7,s.example:26379'],
  ['rediss+sentinel://user:pass@s.example/main/0?sentinelPassword=key', 's.example:26379'],
  ['redis+sentinel://user:12/pass@s.example/main', '[not a url]'],
  ['rediss+sentinel://user:12/pass@s.example/main', '[not a url]'],
  ['not a url with key', '[not a url]'],
])('T14: of %s only the host is shown', (url, host) => {
  expect(hostOf(url)).toBe(host)
})
