import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BURSAR, run, temporaryHome } from '../support/bursarServer.ts'

it('R9: what is logged turns no text of a terminal around, and stays JSON that says the same', async () => {
  const { home, remove } = temporaryHome()
  const hostile = join(home, 'a\u202eb\u{e0041}')
  mkdirSync(hostile)
  chmodSync(hostile, 0o770)
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: hostile, BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }
  const { stderr } = await run(process.execPath, [BURSAR, 'serve'], { env })
  expect(stderr).not.toMatch(/[\u202e\u{e0041}]/u)
  expect(JSON.parse(stderr.split('\n')[0] ?? '')).toMatchObject({
    level: 40,
    msg: expect.stringContaining(`${hostile} can be changed by the users of its group`),
  })
  remove()
})
