import { expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const http = (env: Record<string, string>) => loadConfig(env, allChains).http

test('T28: unless told otherwise the server listens on loopback, for the names of loopback', () => {
  expect(http({})).toEqual({
    host: '127.0.0.1',
    port: 8402,
    allowedHosts: [],
    allowedOrigins: [],
    audience: 'bursar',
    limits: { perToken: 600, perAddress: 3_000 },
  })
})

test('what is given is read: names in lower case, IPv6 as URLs have it, origins without a slash', () => {
  expect(
    http({
      HTTP_HOST: '[::]',
      HTTP_PORT: '0',
      HTTP_ALLOWED_HOSTS: 'Bursar.Example, 2001:DB8:0::1,[::2]',
      HTTP_ALLOWED_ORIGINS: 'https://App.example:8443/, http://a.example',
      HTTP_AUDIENCE: 'https://bursar.example/mcp',
      HTTP_RATE_LIMIT_TOKEN: '60',
      HTTP_RATE_LIMIT_ADDRESS: 'none',
    }),
  ).toEqual({
    host: '::',
    port: 0,
    allowedHosts: ['bursar.example', '[2001:db8::1]', '[::2]'],
    allowedOrigins: ['https://app.example:8443', 'http://a.example'],
    audience: 'https://bursar.example/mcp',
    limits: { perToken: 60, perAddress: undefined },
  })
})

test.each([
  [
    { HTTP_HOST: 'bursar.example' },
    'HTTP_HOST must be an IP address of this machine, such as 127.0.0.1, or localhost',
  ],
  [
    { HTTP_HOST: '127.0.0.1:80' },
    'HTTP_HOST must be an IP address of this machine, such as 127.0.0.1, or localhost',
  ],
  [{ HTTP_PORT: '65536' }, 'HTTP_PORT must be a whole number from 0 to 65535'],
  [
    { HTTP_ALLOWED_HOSTS: 'bursar.example:8402' },
    'HTTP_ALLOWED_HOSTS: item 1 is not a host name without port, such as bursar.example',
  ],
  [
    { HTTP_ALLOWED_HOSTS: 'a.example,*' },
    'HTTP_ALLOWED_HOSTS: item 2 is not a host name without port, such as bursar.example',
  ],
  [
    { HTTP_ALLOWED_ORIGINS: 'https://app.example/page' },
    'HTTP_ALLOWED_ORIGINS: item 1 is not an origin, such as https://app.example',
  ],
  [
    { HTTP_ALLOWED_ORIGINS: 'null' },
    'HTTP_ALLOWED_ORIGINS: item 1 is not an origin, such as https://app.example',
  ],
  [{ HTTP_AUDIENCE: 'two words' }, 'HTTP_AUDIENCE must be 1 to 128 visible ASCII characters without spaces'],
  [{ HTTP_RATE_LIMIT_TOKEN: '0' }, 'HTTP_RATE_LIMIT_TOKEN must be a whole number from 1 to 1000000'],
  [{ HTTP_RATE_LIMIT_ADDRESS: 'many' }, 'HTTP_RATE_LIMIT_ADDRESS must be a whole number from 1 to 1000000'],
])('what cannot be meant is a problem: %j', (env, problem) => {
  expect(problemsOf(() => http(env as Record<string, string>))).toEqual([problem])
})

test('variables of other programs that look alike are none of ours', () => {
  expect(loadConfig({ HTTP_PROXY: 'http://proxy.example', HTTP_PORTS: '1' }, allChains).http.port).toBe(8402)
})
