// Bundles the server into dist/: start-up is dominated by module loading, and one file loads in half the time.
// Native and heavy vendors stay outside and are imported when a chain or a backend needs them.
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const result = await build({
  entryPoints: { bursar: 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['libsql', '@foundry-rs/anvil', 'secp256k1', '@napi-rs/keyring'],
  chunkNames: 'chunks/[name]-[hash]',
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  // CommonJS dependencies inside the bundle call require for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})

// A server that runs from dist/ loads chunks when it needs them: those of a build of the last hour stay.
const KEEP_MS = 3_600_000
const written = new Set(Object.keys(result.metafile.outputs).map((path) => resolve(path)))
for (const name of readdirSync('dist/chunks')) {
  const path = join('dist/chunks', name)
  if (!written.has(resolve(path)) && Date.now() - statSync(path).mtimeMs > KEEP_MS) rmSync(path)
}
