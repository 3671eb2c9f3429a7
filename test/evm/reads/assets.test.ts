import { type Hex, toHex } from 'viem'
import { expect, it } from 'vitest'
import { sandboxA } from '../../../src/chains/data/sandboxA.ts'
import type { KnownToken } from '../../../src/chains/types.ts'
import { EvmAssets } from '../../../src/evm/reads/assets.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { chainClient } from '../../../src/rpc/chainClient.ts'
import type { RpcRequest } from '../../../src/rpc/transport.ts'

/** Every address is a token with six decimals; `asked` are the addresses that were asked for them. */
const tokens = () => tokensOf(sandboxA.tokens)

function tokensOf(listed: readonly KnownToken[]) {
  const asked: unknown[] = []
  const transport = {
    host: 'node.example',
    close: async () => undefined,
    send: async (requests: readonly RpcRequest[]) =>
      requests.map(({ params }) => {
        const { to, data } = params[0] as { to: Hex; data: Hex }
        // decimals()
        if (data === '0x313ce567') asked.push(to)
        return { ok: true as const, result: toHex(6, { size: 32 }) }
      }),
  }
  return {
    asked,
    assets: new EvmAssets({ ...sandboxA, tokens: listed }, chainClient(sandboxA.id, transport)),
  }
}

const address = (index: number) => toHex(0x1000000 + index, { size: 20 })

it('remembers 5000 tokens, and forgets the one that it has known for longest: addresses are strangers’', async () => {
  const { asked, assets } = tokens()
  const all = Array.from({ length: 5_000 }, (_, index) => address(index))
  await assets.tokens(all, unattended())
  await assets.tokens(all, unattended())
  expect(asked).toHaveLength(5_000)
  await assets.token(address(5_000), unattended())
  asked.length = 0
  await assets.tokens([address(5_000), address(1), address(0)], unattended())
  expect(asked).toEqual([address(0)])
})

it('T7: a symbol that the registry lists twice is ambiguous and asks for the address; nothing on the chain is asked', async () => {
  const { asked, assets } = tokensOf([
    { symbol: 'USDC', address: address(1), decimals: 6 },
    { symbol: 'usdc', address: address(2), decimals: 6 },
  ])
  await expect(assets.resolve('USDC', unattended())).rejects.toMatchObject({
    code: 'name_ambiguous',
    context: { given: 'USDC', what: 'token', addresses: [address(1), address(2)] },
  })
  expect(asked).toEqual([])
  // By its address each is itself.
  expect(await assets.resolve(address(2), unattended())).toMatchObject({
    address: address(2),
    symbol: 'usdc',
  })
})
