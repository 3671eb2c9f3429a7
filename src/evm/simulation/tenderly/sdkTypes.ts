import type { Tenderly } from '@tenderly/sdk'

type Client = InstanceType<typeof Tenderly>['simulator']

export type TransactionParameters = Parameters<Client['simulateTransaction']>[0]['transaction']

export type SimulationOutput = NonNullable<Awaited<ReturnType<Client['simulateTransaction']>>>

export type TracedCall = NonNullable<SimulationOutput['trace']>[number]
