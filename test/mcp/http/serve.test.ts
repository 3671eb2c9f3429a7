import { expect, test } from 'vitest'
import { connectAgent, makeToken, startHttp } from '../../support/bursarHttp.ts'
import { BURSAR, run, temporaryHome } from '../../support/bursarServer.ts'

test('with nothing configured an operator gives an agent a token for the sandbox that runs, and ends it', async () => {
  const { home, remove } = temporaryHome()
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: home, LOG_LEVEL: 'warn' }
  const server = await startHttp(env)
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  expect(server.stderr()).toContain('no token was made yet')
  const token = await makeToken(env, 'agent', '--scopes', 'read,prepare')
  const agent = await connectAgent('2026-07-28', server.url, token)
  const { simulation } = await agent.answer('simulate_transaction', {
    ...{ chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '1', idempotencyKey: 'sandbox' },
  })
  expect(simulation).toBeDefined()
  expect((await agent.refusal('send_transaction', { intentId: 'int_1' })).code).toBe('scope_missing')
  await run(process.execPath, [BURSAR, 'token', 'revoke', 'agent'], { env })
  await expect(agent.answer('get_wallets')).rejects.toThrow(/revoked|401/)
  await server.terminate()
  remove()
}, 60_000)

test('T28: it does not start where others can reach it before it was told for whom, and says what to do', async () => {
  const { home, remove } = temporaryHome()
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: home, HTTP_HOST: '0.0.0.0', HTTP_PORT: '0' }
  const configured = { ...env, SANDBOX_A_RPC_URL: 'http://127.0.0.1:9' }
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'serve', '--http'], {
    env: configured,
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('HTTP_ALLOWED_HOSTS names no host, there is no token that it would take')
  expect(stderr).toContain('bursar token create')
  remove()
}, 60_000)
