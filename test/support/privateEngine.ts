import { MERCHANT, startEngine, startWorld, USDC, type World } from './engine.ts'
import { type FlashbotsRelay, startFlashbotsRelay } from './flashbotsRelay.ts'

/** Half a USDC to the merchant, as a contract call: those go privately where a relay is. */
export const CALL = { to: USDC, function: 'transfer(address,uint256)', args: [MERCHANT, '500000'] }

/** A world with a private relay for its first lane. */
export interface PrivateWorld extends World {
  readonly relay: FlashbotsRelay
}

export async function startPrivateWorld(): Promise<PrivateWorld> {
  const world = await startWorld()
  const relay = await startFlashbotsRelay(world.a.rpcUrl)
  return {
    ...world,
    relay,
    async stop() {
      await relay.close()
      await world.stop()
    },
  }
}

/** What the merchant has, in base units of USDC. */
export async function merchantUsdc({ a }: World): Promise<bigint> {
  const data = `0x70a08231${MERCHANT.slice(2).toLowerCase().padStart(64, '0')}`
  return BigInt((await a.ask('eth_call', { to: USDC, data }, 'latest')) as string)
}

/** An engine with the relay of a world, and what tests ask of both. */
export function startPrivateEngine(
  world: PrivateWorld,
  options: Partial<Parameters<typeof startEngine>[0]> = {},
) {
  const { a, relay } = world
  const engine = startEngine({ lanes: [a], relay, ...options })
  return {
    ...engine,
    async begin(idempotencyKey: string): Promise<string> {
      const { intentId } = await engine.prepare({ ...CALL, idempotencyKey })
      return (await engine.execute(intentId)).operationId
    },
    drive: (operationId: string) => engine.driver.drive(operationId),
    step: async (operationId: string) => (await engine.get(operationId)).steps[0],
    raws: () => engine.rows('select raw from attempts').map(({ raw }) => raw),
    audited: () => engine.rows('select event from audit order by seq').map(({ event }) => event),
    /** How often anything was sent to public endpoints. */
    sentPublicly: () => a.proxy.count('eth_sendRawTransaction'),
    /** What the relay was asked, without the prefix of the methods. */
    asked: () => relay.calls.map(({ method }) => method.slice('eth_'.length)),
  }
}

export type PrivateEngine = ReturnType<typeof startPrivateEngine>

/** An engine on a world that has forgotten what tests before did to it, and a block that none of them saw. */
export async function freshPrivateEngine(world: PrivateWorld): Promise<PrivateEngine> {
  world.a.proxy.reset()
  world.relay.reset()
  const engine = startPrivateEngine(world)
  await world.a.mine()
  return engine
}
