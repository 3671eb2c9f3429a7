import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { concat, encodeFunctionData, type Hex, pad, parseAbi, toHex } from 'viem'
import { ENTRY_POINT } from '../../src/evm/userOperations/smartAccount.ts'
import type { Lane } from './engine.ts'

/** What the server does with the next operations. */
export type BundlerConduct = 'honest' | 'refuses' | 'drops' | 'lies' | 'loses answers' | 'hangs'

/** An operation as bundlers take it (ERC-7769). */
interface Operation {
  readonly sender: Hex
  readonly nonce: Hex
  readonly factory?: Hex
  readonly factoryData?: Hex
  readonly callData: Hex
  readonly verificationGasLimit: Hex
  readonly callGasLimit: Hex
  readonly preVerificationGas: Hex
  readonly maxFeePerGas: Hex
  readonly maxPriorityFeePerGas: Hex
  readonly signature: Hex
}

export interface BundlerServer {
  readonly url: string
  conduct: BundlerConduct
  /** Methods that were called, in order. */
  readonly calls: readonly string[]
  /** What it tells of its chain and of the entry points that it serves. */
  chainId: string
  entryPoints: readonly string[]
  /** Gas that it adds to each estimate. */
  margin: bigint
  close(): Promise<void>
}

/** Another account of anvil's, which pays for the bundles and gets the fees. */
export const BUNDLER: Hex = '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc'

const abi = parseAbi([
  'struct Packed { address sender; uint256 nonce; bytes initCode; bytes callData; bytes32 accountGasLimits; uint256 preVerificationGas; bytes32 gasFees; bytes paymasterAndData; bytes signature; }',
  'function handleOps(Packed[] ops, address beneficiary)',
  'function getUserOpHash(Packed op) view returns (bytes32)',
])

/** A bundler that speaks its JSON-RPC methods; what it answers comes from the chain. It mines nothing by itself. */
export async function startBundler(lane: Lane): Promise<BundlerServer> {
  const calls: string[] = []
  const known = new Set<Hex>()
  /** By account and nonce, and what was offered for it. */
  const pool = new Map<string, { readonly nonce: Hex; readonly most: bigint; readonly tip: bigint }>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
      id: number
      method: string
      params: readonly [Operation, Hex]
    }
    calls.push(method)
    const answer = await act(method, params)
    if (bundler.conduct === 'hangs') return
    if (bundler.conduct === 'loses answers' && method === 'eth_sendUserOperation') {
      response.destroy()
      return
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  async function act(method: string, [operation]: readonly [Operation, Hex]): Promise<object> {
    if (method === 'eth_chainId') return { result: bundler.chainId }
    if (method === 'eth_supportedEntryPoints') return { result: bundler.entryPoints }
    if (method === 'eth_estimateUserOperationGas') return { result: estimateOf(operation) }
    if (method === 'eth_sendUserOperation') return send(packed(operation))
    return { error: { code: -32601, message: 'method not found' } }
  }

  const estimateOf = ({ verificationGasLimit, callGasLimit, preVerificationGas }: Operation) => {
    const more = (gas: Hex) => toHex(BigInt(gas) + bundler.margin)
    return {
      verificationGasLimit: more(verificationGasLimit),
      callGasLimit: more(callGasLimit),
      preVerificationGas: more(preVerificationGas),
    }
  }

  async function send(op: Packed): Promise<object> {
    if (bundler.conduct === 'refuses') return { error: { code: -32500, message: 'AA25 secret-key' } }
    const hashing = encodeFunctionData({ abi, functionName: 'getUserOpHash', args: [op] })
    const hash = (await lane.ask('eth_call', { to: ENTRY_POINT, data: hashing }, 'latest')) as Hex
    if (bundler.conduct === 'lies') return { result: pad('0x11') }
    if (bundler.conduct === 'drops') return { result: hash }
    if (known.has(hash)) return { error: { code: -32602, message: 'already known' } }
    const place = `${op.sender} ${op.nonce}`
    const held = pool.get(place)
    const isRaised = (now: bigint, before: bigint) => now * 100n >= before * 110n
    if (held && !(isRaised(op.tip, held.tip) && isRaised(op.most, held.most)))
      return { error: { code: -32602, message: 'replacement underpriced' } }
    const data = encodeFunctionData({ abi, functionName: 'handleOps', args: [[op], BUNDLER] })
    try {
      const gas = await lane.ask('eth_estimateGas', { from: BUNDLER, to: ENTRY_POINT, data }, 'latest')
      const limit = toHex((BigInt(gas as Hex) * 3n) / 2n)
      // What replaces another operation goes out at the nonce of the transaction with that one.
      const nonce = held?.nonce ?? ((await lane.ask('eth_getTransactionCount', BUNDLER, 'pending')) as Hex)
      const fees = { maxFeePerGas: toHex(op.most), maxPriorityFeePerGas: toHex(op.tip) }
      await lane.ask('eth_sendTransaction', {
        ...{ from: BUNDLER, to: ENTRY_POINT, data, gas: limit, nonce },
        ...fees,
      })
      pool.set(place, { nonce, most: op.most, tip: op.tip })
    } catch (error) {
      return { error: { code: -32500, message: String(error) } }
    }
    known.add(hash)
    return { result: hash }
  }

  const bundler: BundlerServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-key`,
    conduct: 'honest',
    calls,
    chainId: toHex(Number(lane.id.slice('eip155:'.length))),
    entryPoints: [ENTRY_POINT],
    margin: 0n,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return bundler
}

type Packed = ReturnType<typeof packed>

function packed(op: Operation) {
  const halves = (high: Hex, low: Hex) => concat([pad(high, { size: 16 }), pad(low, { size: 16 })])
  return {
    sender: op.sender,
    nonce: BigInt(op.nonce),
    initCode: op.factory === undefined ? ('0x' as Hex) : concat([op.factory, op.factoryData ?? '0x']),
    callData: op.callData,
    accountGasLimits: halves(op.verificationGasLimit, op.callGasLimit),
    preVerificationGas: BigInt(op.preVerificationGas),
    gasFees: halves(op.maxPriorityFeePerGas, op.maxFeePerGas),
    paymasterAndData: '0x' as Hex,
    signature: op.signature,
    most: BigInt(op.maxFeePerGas),
    tip: BigInt(op.maxPriorityFeePerGas),
  }
}
