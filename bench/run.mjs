// npm run bench -- NAME: bundles bench/NAME.ts, runs it, and ends with one JSON line of its figures.
import { existsSync, readdirSync } from 'node:fs'
import { importTypescript } from '../.ci/importTypescript.mjs'

const names = readdirSync('bench')
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
const name = process.argv[2]

if (name === undefined) {
  console.log(`Benchmarks: ${names.join(', ')}. Run one with "npm run bench -- NAME".`)
} else if (!names.includes(name) || !existsSync('dist/bursar.js')) {
  console.error(`There is no benchmark "${name}", or no build. Benchmarks: ${names.join(', ')}.`)
  process.exitCode = 1
} else {
  const { run } = await importTypescript(`export { run } from './bench/${name}.ts'`)
  const figures = await run()
  console.log(JSON.stringify({ bench: name, figures }))
}
