import { execFileSync } from 'node:child_process'

/** Black-box tests run the built server, so it is built from these sources first. */
export function setup() {
  execFileSync(process.execPath, ['build.mjs'], { stdio: 'inherit' })
}
