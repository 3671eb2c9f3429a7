import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BURSAR, run, temporaryHome } from '../support/bursarServer.ts'

const CANARIES = 'https://user:CANARY-WORD@node.example:8443/v2/CANARY-KEY?apikey=CANARY-QUERY'

/** What a bug would do: fails where nobody looks, with an error as libraries make them. */
const FAILURES = {
  'a promise': 'Promise.reject(error)',
  'a timer': 'setTimeout(() => { throw error }, 0)',
  'no error at all': 'Promise.reject(error.message)',
}

describe('T14, T15: what ends a process that nobody expected', () => {
  it.each(Object.entries(FAILURES))(
    'shows no key, URL or property of %s, and exit code 1',
    async (_what, failing) => {
      const { home, remove } = temporaryHome()
      const source = `
      const error = Object.assign(new Error('\u202efailed at ${CANARIES}'), { url: '${CANARIES}', body: 'CANARY-BODY' })
      error.cause = Object.assign(new Error('by ${CANARIES}'), { key: 'CANARY-CAUSE' })
      setTimeout(() => { ${failing} }, 500)`
      const preload = join(home, 'failing.mjs')
      writeFileSync(preload, source)
      const env = {
        PATH: '/usr/bin:/bin',
        BURSAR_HOME: home,
        HTTP_PORT: '0',
        BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1',
      }
      const args = [`--import=${preload}`, BURSAR, 'serve', '--http']
      const { code, stdout, stderr } = await run(process.execPath, args, { env })
      expect(`${stdout}${stderr}`).not.toMatch(/CANARY|user:|\u202e/)
      const last = stderr.trim().split('\n').at(-1) ?? ''
      expect(JSON.parse(last)).toMatchObject({
        level: 60,
        error: expect.stringContaining('node.example:8443'),
      })
      expect(code).toBe(1)
      remove()
    },
  )
})
