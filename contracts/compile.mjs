// Compiles our Solidity into contracts/artifacts, byte for byte the same on every machine.
//   node contracts/compile.mjs                 writes the artefacts
//   node contracts/compile.mjs --check         exits 1 when an artefact is missing, stale or left over
//   node contracts/compile.mjs --out <folder>  writes them somewhere else (the test compares)
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import solc from 'solc'

const here = path.dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)
const SOLC_VERSION = '0.8.37'

const settings = {
  optimizer: { enabled: true, runs: 200 },
  // The oldest EVM among the networks of the registry that all of this code needs.
  evmVersion: 'paris',
  // No metadata hash in the code: it would change with every comment and every source path.
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
}

function compileOurs() {
  if (!solc.version().startsWith(`${SOLC_VERSION}+`)) {
    throw new Error(`solc ${SOLC_VERSION} is pinned, but ${solc.version()} is installed: run npm ci`)
  }
  const files = readdirSync(here).filter((file) => file.endsWith('.sol'))
  const sources = Object.fromEntries(
    files.map((file) => [file, { content: readFileSync(path.join(here, file), 'utf8') }]),
  )
  const input = JSON.stringify({ language: 'Solidity', sources, settings })
  const output = JSON.parse(solc.compile(input, { import: readDependency }))
  // Warnings fail too: nobody reads them in a build that passes.
  const problems = (output.errors ?? []).filter((entry) => entry.severity !== 'info')
  if (problems.length > 0) throw new Error(problems.map((entry) => entry.formattedMessage).join('\n'))
  return files.flatMap((file) =>
    Object.entries(output.contracts[file] ?? {}).map(([contractName, contract]) => ({
      contractName,
      abi: contract.abi,
      bytecode: `0x${contract.evm.bytecode.object}`,
      deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    })),
  )
}

function readDependency(file) {
  if (!file.startsWith('@openzeppelin/contracts/')) return { error: `${file} is not an allowed import` }
  return { contents: readFileSync(require.resolve(file), 'utf8') }
}

/**
 * Multicall3 (github.com/mds1/multicall3, MIT) is written for solc 0.8.12, which is not installed; its creation
 * code comes from viem, which uses it for calls without a deployment. viem does not export it, hence the path.
 */
async function multicall3() {
  const internal = path.join(path.dirname(require.resolve('viem')), '../_esm/constants/contracts.js')
  const { multicall3Bytecode: bytecode } = await import(internal)
  const { multicall3Abi: abi } = await import('viem')
  // The constructor only copies what follows it: CODECOPY, RETURN, INVALID, then the runtime code.
  const end = bytecode.indexOf('f3fe')
  return { contractName: 'Multicall3', abi, bytecode, deployedBytecode: `0x${bytecode.slice(end + 4)}` }
}

/**
 * Of @account-abstraction/contracts, which ships what its compiler made: what the sandbox deploys, and the proxy that a
 * SimpleAccount is, out of the code of its factory. Theirs are the bytes that stand on the real networks, where their
 * address follows from them.
 */
function accountAbstraction() {
  const shipped = (name) => {
    return JSON.parse(
      readFileSync(require.resolve(`@account-abstraction/contracts/artifacts/${name}.json`), 'utf8'),
    )
  }
  const factory = shipped('SimpleAccountFactory')
  // Creation code within code begins by setting up memory, and ends with the compiler's mark.
  const begin = factory.deployedBytecode.indexOf(MEMORY_SETUP, MEMORY_SETUP.length + 2)
  const end = factory.deployedBytecode.indexOf(COMPILER_MARK, begin) + COMPILER_MARK.length
  const proxy = `0x${factory.deployedBytecode.slice(begin, end)}`
  return [
    { contractName: 'EntryPoint', bytecode: shipped('EntryPoint').bytecode },
    { contractName: 'SimpleAccountFactory', bytecode: factory.bytecode },
    { contractName: 'SimpleAccountProxy', bytecode: proxy },
  ]
}

const MEMORY_SETUP = '60806040'
/** The end of the metadata of solc 0.8.28. */
const COMPILER_MARK = '64736f6c634300081c0033'

const { values } = parseArgs({ options: { check: { type: 'boolean' }, out: { type: 'string' } } })
const folder = values.out ?? path.join(here, 'artifacts')
const artifacts = new Map(
  [...compileOurs(), await multicall3(), ...accountAbstraction()].map((artifact) => [
    `${artifact.contractName}.json`,
    `${JSON.stringify(artifact, null, 2)}\n`,
  ]),
)

const present = () => readdirSync(folder).filter((file) => file.endsWith('.json'))
const isCurrent = (file) =>
  artifacts.has(file) && readFileSync(path.join(folder, file), 'utf8') === artifacts.get(file)

if (values.check) {
  const stale = [...new Set([...artifacts.keys(), ...present()])].filter(
    (file) => !present().includes(file) || !isCurrent(file),
  )
  for (const file of stale) console.error(`contracts/artifacts/${file} does not match its source`)
  if (stale.length > 0) console.error('Run: node contracts/compile.mjs')
  process.exitCode = stale.length > 0 ? 1 : 0
} else {
  mkdirSync(folder, { recursive: true })
  for (const file of present()) if (!artifacts.has(file)) rmSync(path.join(folder, file))
  for (const [file, text] of artifacts) writeFileSync(path.join(folder, file), text)
}
