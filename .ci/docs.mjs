// npm run docs: writes docs/tools.md and docs/errors.md from the catalogues that the server runs with.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { errorsPage } from './docsErrors.mjs'
import { toolsPage } from './docsTools.mjs'
import { importTypescript } from './importTypescript.mjs'

const { values } = parseArgs({ options: { out: { type: 'string', default: 'docs' } } })

const { tools, toJSONSchema, errorCatalogue, contexts, BursarError } = await importTypescript(`
  export { tools } from './tools/index.ts'
  export { toJSONSchema } from 'zod'
  export { errorCatalogue } from './src/errors/catalogue.ts'
  export { BursarError } from './src/errors/bursarError.ts'
  export { contexts } from './test/errors/contexts.ts'
`)

// As `input`: what a caller must give, and what a reader of answers may rely on.
const schemaOf = (schema) => toJSONSchema(schema, { io: 'input' })
const errors = Object.entries(errorCatalogue).map(([code, { number }]) => {
  return { number, error: new BursarError(code, contexts[code]) }
})

mkdirSync(values.out, { recursive: true })
writeFileSync(join(values.out, 'tools.md'), toolsPage(tools, schemaOf))
writeFileSync(join(values.out, 'errors.md'), errorsPage(errors))
