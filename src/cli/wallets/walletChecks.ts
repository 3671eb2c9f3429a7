import type { Config } from '../../config/types.ts'
import type { OpenWallets } from '../../wallets/openWallets.ts'
import { broken, type Finding } from '../findings.ts'

/** Whether wallets can be used: their files, their passwords, who signs for them. */
export async function checkWallets(
  config: Config,
  { stored, remote, broken: unusable }: OpenWallets,
): Promise<readonly Finding[]> {
  const usable = stored.length + remote.length + config.wallets.length
  const real = config.chains.some(({ chainId }) => !chainId.startsWith('eip155:3133'))
  const wrong = [...unusable].map(([name, error]) => broken(`Wallet ${name}`, error))
  if (usable === 0 && real) {
    const what = 'Wallets: there is none, so nothing can be paid'
    return [...wrong, { grade: 'warn', what, fix: 'Run "bursar wallet create NAME", or import a key.' }]
  }
  const found: Finding = { grade: 'ok', what: `Wallets: ${usable} configured` }
  // One after the other: to open one takes a second of a processor.
  const opened: Finding[] = []
  for (const each of stored) opened.push(await checkStored(each))
  return [found, ...wrong, ...opened, ...(await Promise.all(remote.map(checkRemote)))]
}

async function checkStored({ name, signer }: OpenWallets['stored'][number]): Promise<Finding> {
  try {
    await signer.ready()
    return { grade: 'ok', what: `Wallet ${name} (${signer.account}): its password opens it` }
  } catch (error) {
    return broken(`Wallet ${name} (${signer.account})`, error)
  }
}

async function checkRemote({ name, host, signer }: OpenWallets['remote'][number]): Promise<Finding> {
  const what = `Wallet ${name} (${signer.account}), signer at ${host}`
  try {
    if (await signer.holdsKey()) return { grade: 'ok', what: `${what}: has its key` }
    const fix = 'Correct its address, or give the signer its key.'
    return { grade: 'fail', what: `${what}: does not have its key`, fix }
  } catch (error) {
    return broken(what, error)
  }
}
