// Rules that imports do not show: who may say certain words. Comments are not read.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MAX_LINES = 400

/** Where strangers' words are quoted for the log alone, and what callers themselves named in arguments. */
const STRANGERS_IN_LOGS = ['src/evm/relay/', 'src/evm/sending/submit.ts', 'src/mcp/parseArguments.ts']

/** A word, the folders that may use it, and why the others may not. */
const wordRules = [
  {
    word: /\bprocess\.env\b|\benv\b[^'"]*from ['"](?:node:)?process['"]/,
    allowed: ['src/config/'],
    why: 'process.env is read in src/config only: everything else receives a Config',
  },
  {
    word: /\.reveal\(/,
    allowed: ['src/wallets/', 'src/rpc/', 'src/redis/', 'src/evm/simulation/tenderly/'],
    why: 'secrets are revealed where they are used: keys in src/wallets, URLs in src/rpc and src/redis, tokens at their service (R6, T14)',
  },
  {
    word: /key\w*(?:\.|\?\.|\)|\]|!)*\.reveal\(/i,
    allowed: ['src/wallets/'],
    why: 'private keys are revealed in src/wallets only (R6)',
  },
  {
    word: /eth_send(?:RawTransaction|Bundle|PrivateTransaction)/,
    allowed: ['src/rpc/', 'src/evm/', 'src/transactions/'],
    why: 'only the broadcaster sends transactions (R7)',
  },
  {
    word: /\.send(?:RawBundle|Bundle|PrivateTransaction)\s*\(/,
    allowed: ['src/evm/relay/'],
    why: 'the relay is asked in src/evm/relay, by the broadcaster only (R7)',
  },
  {
    // The sandbox lets anvil send for deployers that nobody has keys of, on chains that it has just made.
    word: /eth_sendTransaction/,
    allowed: ['src/rpc/', 'src/sandbox/installContracts.ts'],
    why: 'nodes hold no keys of ours, and only the broadcaster sends transactions (R7)',
  },
  {
    // `.untrusted` inside of a template: a stranger's words in a sentence of ours. Logs may have them, and arguments'
    // names and paths that a caller gave.
    word: /\$\{[^}]*\.(?:untrusted|claims|quoted)\b/,
    allowed: STRANGERS_IN_LOGS,
    why: "a stranger's words stay in `claims` and `quoted`, apart from our sentences (R9)",
  },
  {
    // A type, a schema, or a copy of what the registry says.
    word: /\bsymbol: (?!z\.|string\b|(?:listed|native|asset|token)\.symbol\b)/,
    allowed: ['src/chains/data/'],
    why: "a symbol is the registry's word: what a token calls itself goes into `claims` (R9, T7)",
  },
  {
    word: /\bconsole\s*(?:\??\.\s*\w+\s*\(|\[)/,
    allowed: [],
    why: 'nothing writes to the console: logs go through the Logger port (R11)',
  },
  {
    word: /\bprocess\.stdout\b|\bstdout\b[^'"]*from ['"](?:node:)?process['"]/,
    allowed: ['src/mcp/', 'src/cli/'],
    why: 'stdout carries JSON-RPC: only src/mcp and src/cli touch it (R11)',
  },
]

/** What the text rules say about `files` (paths relative to `root`), one sentence a finding. */
export function textFindings(root, files) {
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const findings = /^(?:src|tools)\//.test(file) ? wordFindings(file, text) : []
    const count = text.split('\n').length - 1
    if (count > MAX_LINES && !file.startsWith('src/chains/data/')) {
      findings.push(`${file}: ${count} lines; ${MAX_LINES} is the wall`)
    }
    return findings
  })
}

function wordFindings(file, text) {
  const rules = wordRules.filter(({ allowed }) => !allowed.some((folder) => file.startsWith(folder)))
  return withoutComments(text)
    .split('\n')
    .flatMap((line, index) =>
      rules.filter(({ word }) => word.test(line)).map(({ why }) => `${file}:${index + 1}: ${why}`),
    )
}

/** Blanks comments and keeps line numbers. Strings win over comments, so that URLs keep their //. */
function withoutComments(text) {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return text.replace(token, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found))
}
