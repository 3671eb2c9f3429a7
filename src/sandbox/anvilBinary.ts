import { createRequire } from 'node:module'
import { BursarError } from '../errors/bursarError.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * Path of the anvil executable inside the platform package that npm chose. Throws `sandbox_missing` when
 * the optional dependency is missing. The package's own launcher is a Node script that would cost a process
 * and hide anvil's pid.
 */
export function anvilBinary(): string {
  if (process.platform === 'win32') {
    // Without a POSIX shell nothing could end anvil when Bursar is killed.
    throw new BursarError('sandbox_missing', {
      reason: 'it runs on Linux and macOS only; on Windows use WSL',
    })
  }
  const platform = `${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`
  try {
    // From anvil's own folder, because strict package managers put the platform package only next to it.
    const launcher = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
    return createRequire(launcher).resolve(`@foundry-rs/anvil-${platform}/bin/anvil`)
  } catch (cause) {
    const reason = `the package @foundry-rs/anvil (${platform}) is not installed`
    throw new BursarError('sandbox_missing', { reason }, { cause })
  }
}
