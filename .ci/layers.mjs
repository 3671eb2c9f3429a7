// npm run layers: the import rules of .dependency-cruiser.cjs and the text rules, over src and tools.
// Fails when a rule is broken, and when it did not see the files that it should judge: a parser that finds
// nothing would otherwise pass everything.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { cruise } from 'dependency-cruiser'
import { textFindings } from './textRules.mjs'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: '.' },
    minimum: { type: 'string', default: '100' },
    rules: { type: 'string', default: '.dependency-cruiser.cjs' },
  },
})
const root = resolve(values.root)
const { forbidden, options } = createRequire(import.meta.url)(resolve(values.rules))

const judged = filesIn('src').concat(filesIn('tools'))
const { findings, modules, imports } = await importFindings()
const seen = new Set(modules)
findings.push(
  ...judged.filter((file) => !seen.has(file)).map((file) => `${file}: not seen by the import check`),
)
if (judged.length < Number(values.minimum) || imports === 0) {
  const found = `${judged.length} modules and ${imports} imports found`
  findings.push(`${found}, at least ${values.minimum} modules expected: the check itself is broken`)
}
findings.push(...textFindings(root, [...judged, ...filesIn('test'), ...filesIn('bench')]))

if (findings.length > 0) {
  process.stderr.write(`${findings.join('\n')}\n\n${findings.length} finding(s) in the layers of ${root}\n`)
  process.exitCode = 1
} else {
  process.stdout.write(`layers: ${judged.length} modules, no findings\n`)
}

async function importFindings() {
  const folders = ['src', 'tools'].filter((folder) => filesIn(folder).length > 0)
  if (folders.length === 0) return { findings: [], modules: [], imports: 0 }
  const { output } = await cruise(
    folders,
    { ...options, baseDir: root, validate: true, ruleSet: { forbidden } },
    options.enhancedResolveOptions,
  )
  const why = new Map(forbidden.map(({ name, comment }) => [name, comment]))
  return {
    findings: output.summary.violations.map(
      ({ from, to, rule }) => `${from} → ${to}: ${rule.name}: ${why.get(rule.name)}`,
    ),
    modules: output.modules.map(({ source }) => source),
    imports: output.summary.totalDependenciesCruised,
  }
}

/** TypeScript files under a folder of the root, with forward slashes, sorted. */
function filesIn(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .sort()
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}
