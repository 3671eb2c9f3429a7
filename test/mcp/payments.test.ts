import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../sandbox/support/processes.ts'
import {
  type Answers,
  type Bursar,
  environmentOf,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { ERAS } from '../support/clients.ts'
import { AGENT, AGENT_KEY, type Lane, MERCHANT, startWorld, TIP_JAR, type World } from '../support/engine.ts'
import { minedCount, sends } from './support/chainSide.ts'

// The built server and a real client of each era. Blocks come only when a test mines them.

describe.each(ERAS)('a client of %s', (era) => {
  let world: World
  let bursar: Bursar
  const { home, remove } = temporaryHome()

  beforeAll(async () => {
    world = await startWorld()
    bursar = await startBursar({ era, env: environmentOf(world, home) })
  })
  afterAll(async () => {
    await bursar.close()
    await world.stop()
    remove()
  })

  const laneOf = (chain: string) => (chain === 'sandbox-a' ? world.a : world.b)

  async function prepare(idempotencyKey: string, args: object) {
    return bursar.answer('simulate_transaction', { wallet: 'agent', ...args, idempotencyKey })
  }

  /** Sends an intent and mines until it is final. */
  async function pay(lane: Lane, intentId: string) {
    const sent = await bursar.answer('send_transaction', { intentId })
    await lane.mine(2)
    return bursar.answer('get_operation', { operation: sent.operationId, waitSeconds: 20, until: 'final' })
  }

  async function holdings(chain: string) {
    const sheet = await bursar.answer('get_balances', {
      chains: [chain],
      accounts: ['agent', 'merchant', TIP_JAR],
      assets: ['native', 'USDC'],
    })
    expect(sheet.failed).toEqual([])
    return (sheet.chains[0]?.accounts ?? []).map(({ balances }) => balances.map(({ raw }) => BigInt(raw)))
  }

  test('speaks the protocol of its era, and the tools are there', async () => {
    expect(bursar.connection.protocolVersion).toBe(era)
    expect(bursar.connection.serverName).toBe('bursar')
    // Only the older era has the initialize handshake, whose answer names the revision.
    const shook = bursar.lines.some((line) => line.includes('"protocolVersion":"2025-11-25"'))
    expect(shook).toBe(era === '2025-11-25')
    expect(await bursar.connection.listTools()).toEqual([
      'list_chains',
      'get_wallets',
      'get_balances',
      'quote_gas',
      'simulate_transaction',
      'send_transaction',
      'get_operation',
      'list_operations',
      'replace_transaction',
      'get_status',
    ])
  })

  test.each([
    ['sandbox-a', 'eip155:31337', 'ETH'],
    ['sandbox-b', 'eip155:31338', 'tBNB'],
  ])('pays three ways on %s, exactly and once each (R3, R8, R12)', async (chain, id, symbol) => {
    const lane = laneOf(chain)
    const { chains } = await bursar.answer('list_chains')
    expect(chains.find((each) => each.chain.id === id)).toMatchObject({
      network: 'sandbox',
      confirmations: 2,
    })
    const { wallets } = await bursar.answer('get_wallets', { chain })
    expect(wallets.find(({ name }) => name === 'agent')).toEqual({
      name: 'agent',
      address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
      kind: 'eoa',
      chains: [id],
    })
    expect(await holdings(chain)).toEqual([
      [10_000_000000000000000000n, 1_000_000_000000n],
      [10_000_000000000000000000n, 1_000_000_000000n],
      [0n, 0n],
    ])
    expect(await bursar.answer('quote_gas', { chain })).toMatchObject({
      gasLimit: '21000',
      cap: { maxGasPriceGwei: '500', verdict: 'below-cap' },
    })

    const native = await prepare(`${chain}-native`, { chain, to: 'merchant', amount: '1.25' })
    expect(native).toMatchObject({
      status: 'ready',
      chain: { id, sandbox: true },
      to: MERCHANT,
      amount: { raw: '1250000000000000000', display: '1.25', symbol },
      gasLimit: '21000',
      simulation: {
        gasUsed: '21000',
        effects: [{ kind: 'transfer', to: MERCHANT, amount: { display: '1.25' } }],
      },
    })
    const token = await prepare(`${chain}-token`, { chain, to: MERCHANT, amount: '250.5', asset: 'USDC' })
    expect(token).toMatchObject({
      to: MERCHANT,
      amount: { raw: '250500000', display: '250.5', symbol: 'USDC' },
      simulation: {
        effects: [{ kind: 'transfer', to: MERCHANT, amount: { symbol: 'USDC', raw: '250500000' } }],
      },
    })
    const call = await prepare(`${chain}-call`, {
      chain,
      to: TIP_JAR,
      function: 'tip(string)',
      args: ['thank you'],
      amount: '0.05',
    })
    expect(call).toMatchObject({
      function: 'tip(string)',
      simulation: {
        effects: [{ kind: 'transfer', to: TIP_JAR, amount: { raw: '50000000000000000', symbol } }],
      },
    })
    expect(lane.proxy.count('eth_sendRawTransaction')).toBe(0)

    const ended: Answers['get_operation'][] = []
    for (const { intentId } of [native, token, call]) ended.push(await pay(lane, intentId))
    for (const [nonce, operation] of ended.entries()) {
      expect(operation).toMatchObject({
        state: 'committed',
        sideEffect: 'done',
        steps: [{ state: 'final', nonce: `${nonce}`, confirmations: 2, requiredConfirmations: 2 }],
      })
      expect(operation.steps[0]?.attempts).toHaveLength(1)
    }
    const fees = ended.map((operation) => BigInt(operation.steps[0]?.feePaid?.raw ?? '0'))
    expect(fees.every((fee) => fee > 0n)).toBe(true)
    const paid = fees.reduce((sum, fee) => sum + fee, 0n)
    expect(await holdings(chain)).toEqual([
      [9_998_700000000000000000n - paid, 999_749_500000n],
      [10_001_250000000000000000n, 1_000_250_500000n],
      [50000000000000000n, 0n],
    ])
    expect(lane.proxy.count('eth_sendRawTransaction')).toBe(3)
  })

  test('lists what was paid, newest first, page by page', async () => {
    const first = await bursar.answer('list_operations', { chain: 'sandbox-b', limit: 2 })
    expect(first.operations.map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      'sandbox-b-call',
      'sandbox-b-token',
    ])
    const second = await bursar.answer('list_operations', {
      chain: 'sandbox-b',
      limit: 2,
      cursor: first.nextCursor,
    })
    expect(second.operations.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['sandbox-b-native'])
    expect(second.nextCursor).toBeUndefined()
    expect(second.operations[0]).toMatchObject({ state: 'committed', amount: { display: '1.25' } })
  })

  test('sees that everything is well in get_status', async () => {
    const status = await bursar.answer('get_status')
    expect(status).toMatchObject({
      sandbox: false,
      operations: { running: 0, committed: 6, failed: 0, stuck: 0, compensated: 0 },
      journal: { writable: true },
    })
    expect(status.chains.map(({ chain, endpoints }) => [chain.id, endpoints[0]?.reachable])).toEqual([
      ['eip155:31337', true],
      ['eip155:31338', true],
    ])
  })

  test('sees in get_status what its fees were on each chain, and what they saved (E6)', async () => {
    const { chains } = await bursar.answer('get_status')
    for (const { chain, fees30d } of chains) {
      const page = await bursar.answer('list_operations', { chain: chain.id })
      const paid = await Promise.all(
        page.operations.map(async ({ operationId: operation }) => {
          const { steps } = await bursar.answer('get_operation', { operation })
          return BigInt(steps[0]?.feePaid?.raw ?? '0')
        }),
      )
      const sum = paid.reduce((total, fee) => total + fee, 0n)
      expect(fees30d).toMatchObject({ transactions: 3, succeeded: 3, paid: { raw: `${sum}` } })
      expect(fees30d?.saved).toMatchObject({ asset: fees30d?.paid.asset })
    }
    expect(JSON.stringify(chains.map(({ fees30d }) => fees30d)).length / 4).toBeLessThanOrEqual(250)
  })

  test('has gas limits that learn from payments before, and is told so (E2)', async () => {
    // The first tip of all wrote slots that were never written; the next one needs less than half of that.
    const tip = { chain: 'sandbox-b', to: TIP_JAR, function: 'tip(string)', args: ['x'], amount: '0.01' }
    const { gasLimitBasis } = await prepare('tip-again', tip)
    expect(gasLimitBasis).toEqual({ source: 'learned', confidence: 'low' })
  })

  test('gets the same intent for the same key and arguments, however they are spelt (R3)', async () => {
    const first = await prepare('again', { chain: 'sandbox-a', to: 'merchant', amount: '0.5' })
    const again = await prepare('again', { chain: 'eip155:31337', to: MERCHANT.toLowerCase(), amount: '0.5' })
    expect(again.intentId).toBe(first.intentId)
    expect(again.status).toBe('ready')
  })

  test('hears how a wait goes on, and the wait ends when the payment is final', async () => {
    const { intentId } = await prepare('watched', { chain: 'sandbox-a', to: 'merchant', amount: '0.125' })
    const { operationId } = await bursar.answer('send_transaction', { intentId })
    const heard: (string | undefined)[] = []
    const waiting = bursar.answer(
      'get_operation',
      { operation: operationId, waitSeconds: 30, until: 'final' },
      { onprogress: ({ message }) => heard.push(message) },
    )
    await eventually('the first progress', () => heard.includes('sent, 0 confirmations'))
    await world.a.mine()
    await eventually('the inclusion', () => heard.includes('included, 1 confirmations'))
    await world.a.mine()
    expect(await waiting).toMatchObject({ state: 'committed' })
    expect(heard).toEqual(['sent, 0 confirmations', 'included, 1 confirmations'])
  })

  test('cancels a payment that waits: its nonce goes to nothing, and only gas is paid (C3)', async () => {
    const before = await world.a.balance(MERCHANT)
    const { intentId } = await prepare('regretted', { chain: 'sandbox-a', to: 'merchant', amount: '0.5' })
    const { operationId, steps } = await bursar.answer('send_transaction', { intentId })
    const cancel = await bursar.answer('replace_transaction', {
      operation: operationId,
      kind: 'cancel',
      idempotencyKey: 'cancel-regretted',
    })
    expect(cancel).toMatchObject({
      status: 'ready',
      replaces: { operationId, kind: 'cancel', nonce: steps[0]?.nonce },
    })
    await bursar.answer('send_transaction', { intentId: cancel.intentId })
    await world.a.mine(2)
    const asked = { operation: 'cancel-regretted', waitSeconds: 20, until: 'final' }
    expect(await bursar.answer('get_operation', asked)).toMatchObject({
      operationId,
      state: 'failed',
      sideEffect: 'none',
      steps: [
        { state: 'replaced', attempts: [{ state: 'superseded' }, { kind: 'cancel', state: 'included' }] },
      ],
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  test('cancels a payment that waits for lower fees: there is nothing to send (C3, C9)', async () => {
    const sendsBefore = sends(world.a)
    const asked = { chain: 'sandbox-a', to: 'merchant', amount: '0.5', maxFeeGwei: '0.000000001' }
    const { intentId } = await prepare('too-cheap', asked)
    const { operationId } = await bursar.answer('send_transaction', { intentId })
    const order = { operation: operationId, kind: 'cancel', idempotencyKey: 'cancel-cheap' }
    const cancelled = await bursar.answer('replace_transaction', order)
    expect(cancelled).toMatchObject({
      status: 'executed',
      replaces: { operationId, kind: 'cancel' },
      fees: { ceiling: { raw: '0' } },
      next: expect.stringContaining('there is nothing to send'),
    })
    expect(cancelled.replaces).not.toHaveProperty('nonce')
    const sent = await bursar.answer('send_transaction', { intentId: cancelled.intentId })
    expect(sent).toMatchObject({ operationId, state: 'failed', sideEffect: 'none' })
    expect(sends(world.a)).toEqual(sendsBefore)
  })

  test('tells in get_status that another program used a nonce that a payment was signed for (F8)', async () => {
    const onA = async () => (await bursar.answer('get_status', {})).chains[0]
    expect(await onA()).not.toHaveProperty('foreignUse')
    const before = await world.a.balance(MERCHANT)
    const { intentId } = await prepare('lost', { chain: 'sandbox-a', to: 'merchant', amount: '0.5' })
    const { operationId, steps } = await bursar.answer('send_transaction', { intentId })
    const nonce = String(steps[0]?.nonce)
    const raw = await privateKeyToAccount(AGENT_KEY).signTransaction({
      ...{ type: 'eip1559', chainId: 31337, nonce: Number(nonce), to: AGENT, gas: 21_000n },
      ...{ maxFeePerGas: 900_000_000_000n, maxPriorityFeePerGas: 90_000_000_000n },
    })
    await world.a.ask('eth_sendRawTransaction', raw)
    await world.a.mine(2)
    const asked = { operation: operationId, waitSeconds: 20, until: 'final' }
    expect(await bursar.answer('get_operation', asked)).toMatchObject({
      state: 'failed',
      steps: [{ state: 'replaced', note: `nonce ${nonce} was used by a transaction that is not Bursar's` }],
    })
    expect(await onA()).toMatchObject({
      foreignUse: [{ wallet: 'agent', times: 1, lastNonce: nonce, lastAt: expect.stringMatching(/^20.*Z$/) }],
    })
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  test('waits until the payment is included, unless it asks for more', async () => {
    const { intentId } = await prepare('included', { chain: 'sandbox-a', to: 'merchant', amount: '0.0625' })
    const { operationId } = await bursar.answer('send_transaction', { intentId })
    await world.a.mine()
    // Longer than the test may take: a wait for more than the inclusion would not come back in time.
    expect(await bursar.answer('get_operation', { operation: operationId, waitSeconds: 45 })).toMatchObject({
      state: 'running',
      sideEffect: 'done',
      steps: [{ state: 'included', confirmations: 1, requiredConfirmations: 2 }],
    })
    await world.a.mine()
    const asked = { operation: operationId, waitSeconds: 20, until: 'final' }
    expect(await bursar.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
  })

  test('cancels a wait, and the payment goes on to its end (F24)', async () => {
    const { intentId } = await prepare('cancelled', { chain: 'sandbox-a', to: 'merchant', amount: '0.25' })
    const { operationId } = await bursar.answer('send_transaction', { intentId })
    const abort = new AbortController()
    const heard: unknown[] = []
    const waiting = bursar.connection.callTool(
      'get_operation',
      { operation: operationId, waitSeconds: 45, until: 'final' },
      { signal: abort.signal, onprogress: (progress) => heard.push(progress) },
    )
    await eventually('the wait has begun', () => heard.length > 0)
    abort.abort('enough')
    await expect(waiting).rejects.toThrow()
    await world.a.mine(2)
    expect(
      await bursar.answer('get_operation', { operation: operationId, waitSeconds: 20, until: 'final' }),
    ).toMatchObject({ state: 'committed' })
  })

  test('sends one intent again and again, also in parallel, and pays once (R3)', async () => {
    const before = { merchant: await world.a.balance(MERCHANT), sends: sends(world.a).length }
    const { intentId } = await prepare('parallel', { chain: 'sandbox-a', to: 'merchant', amount: '2' })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => bursar.answer('send_transaction', { intentId })),
    )
    await world.a.mine(2)
    const later = await bursar.answer('send_transaction', { intentId })
    const ids = new Set([...answers, later].map(({ operationId }) => operationId))
    expect([...ids]).toEqual([later.operationId])
    const again = await prepare('parallel', { chain: 'sandbox-a', to: 'merchant', amount: '2' })
    expect(again).toMatchObject({ intentId, status: 'executed', operationId: later.operationId })
    expect(sends(world.a).length - before.sends).toBe(1)
    expect((await world.a.balance(MERCHANT)) - before.merchant).toBe(2_000000000000000000n)
  })

  test('two server processes on one journal send the same intent at once: one payment (R3, R4)', async () => {
    const other = await startBursar({ era, env: environmentOf(world, home) })
    const before = { merchant: await world.a.balance(MERCHANT), nonce: await minedCount(world.a) }
    world.a.proxy.reset()
    // Both pass their simulation before either has written its operation.
    world.a.proxy.setFault((calls) =>
      calls.some(({ method }) => method === 'eth_simulateV1') ? { kind: 'delay', ms: 150 } : undefined,
    )
    for (const round of [1, 2, 3]) {
      const { intentId } = await prepare(`both-${round}`, {
        chain: 'sandbox-a',
        to: 'merchant',
        amount: '0.5',
      })
      const [mine, theirs] = await Promise.all(
        [bursar, other].map((each) => each.answer('send_transaction', { intentId })),
      )
      expect(theirs?.operationId).toBe(mine?.operationId)
      expect(theirs?.steps[0]?.attempts[0]?.hash).toBe(mine?.steps[0]?.attempts[0]?.hash)
      await world.a.mine(2)
      for (const each of [bursar, other]) {
        const asked = { operation: `both-${round}`, waitSeconds: 20, until: 'final' }
        expect(await each.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
      }
    }
    expect(new Set(sends(world.a)).size).toBe(3)
    expect((await minedCount(world.a)) - before.nonce).toBe(3)
    expect((await world.a.balance(MERCHANT)) - before.merchant).toBe(1_500000000000000000n)
    world.a.proxy.reset()
    await other.close()
  })
})
