import { arbitrumOne } from './data/arbitrumOne.ts'
import { arbitrumSepolia } from './data/arbitrumSepolia.ts'
import { base } from './data/base.ts'
import { baseSepolia } from './data/baseSepolia.ts'
import { bnb } from './data/bnb.ts'
import { bnbTestnet } from './data/bnbTestnet.ts'
import { ethereum } from './data/ethereum.ts'
import { opBnb } from './data/opBnb.ts'
import { opBnbTestnet } from './data/opBnbTestnet.ts'
import { opMainnet } from './data/opMainnet.ts'
import { opSepolia } from './data/opSepolia.ts'
import { polygon } from './data/polygon.ts'
import { polygonAmoy } from './data/polygonAmoy.ts'
import { sandboxA } from './data/sandboxA.ts'
import { sandboxB } from './data/sandboxB.ts'
import { sepolia } from './data/sepolia.ts'
import { solana } from './data/solana.ts'
import { solanaDevnet } from './data/solanaDevnet.ts'
import type { Chain } from './types.ts'

/** Every chain that Bursar knows out of the box, each main network before its test network. */
export const allChains: readonly Chain[] = [
  ethereum,
  sepolia,
  base,
  baseSepolia,
  arbitrumOne,
  arbitrumSepolia,
  opMainnet,
  opSepolia,
  polygon,
  polygonAmoy,
  bnb,
  bnbTestnet,
  opBnb,
  opBnbTestnet,
  solana,
  solanaDevnet,
  sandboxA,
  sandboxB,
]
