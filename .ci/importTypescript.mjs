// Imports TypeScript under a Node that cannot: bundled by esbuild into node_modules/.cache, which git ignores and
// from where packages resolve as they do for the sources. Packages stay outside.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** The exports of a module given as text, with paths relative to the repository. */
export async function importTypescript(contents) {
  const cache = resolve('node_modules/.cache/bursar')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'run-'))
  try {
    const outfile = join(folder, 'module.mjs')
    await build({
      stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      logLevel: 'warning',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
