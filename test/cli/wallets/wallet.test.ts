import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { decryptKeystoreJsonSync } from 'ethers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BURSAR, environmentOf, run, startBursar, temporaryHome } from '../../support/bursarServer.ts'
import { readRows, startWorld, type World } from '../../support/engine.ts'
import {
  CANARY_ACCOUNT,
  CANARY_KEY,
  foreignKeystore,
  OTHER_ACCOUNT,
  OTHER_KEY,
  PASSWORD,
  placeKeystore,
  placeSecret,
} from '../../support/keystores.ts'
import { startRemoteSigner } from '../../support/remoteSigner.ts'

// `bursar wallet …` as an operator runs it. What is typed is typed at a terminal of its own (script, of util-linux).

let home: string
beforeEach(() => {
  const made = temporaryHome()
  home = made.home
  return made.remove
})

const env = (extra: Readonly<Record<string, string>> = {}) => {
  return {
    PATH: '/usr/bin:/bin',
    BURSAR_HOME: home,
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
    ...extra,
  }
}
const walletWith = (extra: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  run(process.execPath, [BURSAR, 'wallet', ...args], { env: env(extra) })
const wallet = (...args: readonly string[]) => walletWith({}, ...args)
const passwordFile = () => placeSecret(home, 'password', `${PASSWORD}\n`)
const fileOf = (name: string) => join(home, 'wallets', `${name}.json`)

/** Runs a command at a terminal: each answer is typed when its question is there. */
async function atTerminal(
  args: readonly string[],
  answers: readonly (readonly [question: string, typed: string])[],
) {
  const command = [process.execPath, BURSAR, 'wallet', ...args].join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: env(), stdio: 'pipe' })
  const left = [...answers]
  let shown = ''
  let from = 0
  const listen = (chunk: Buffer) => {
    shown += chunk.toString()
    const [next] = left
    if (!next || !shown.slice(from).includes(next[0])) return
    left.shift()
    from = shown.length
    child.stdin.write(next[1])
  }
  child.stdout.on('data', listen)
  const code = await endOf(child)
  return { code, shown, unasked: left.length }
}

const endOf = (child: ChildProcess) =>
  new Promise<number | null>((settle) => child.once('close', (code) => settle(code)))

describe('F2: a wallet made at the terminal', () => {
  it('T15: asks twice, shows nothing that is typed, and other tools open what it wrote', async () => {
    const typed = `${PASSWORD.slice(0, 4)}x\u007f${PASSWORD.slice(4)}\r`
    const made = await atTerminal(
      ['create', 'main'],
      [
        ['New password: ', typed],
        ['The same again: ', `${PASSWORD}\r`],
      ],
    )
    expect({ code: made.code, unasked: made.unasked }).toEqual({ code: 0, unasked: 0 })
    expect(made.shown).not.toContain(PASSWORD.slice(4))
    const { address, privateKey } = decryptKeystoreJsonSync(readFileSync(fileOf('main'), 'utf8'), PASSWORD)
    expect(made.shown).toContain(`main  ${address}`)
    expect(made.shown).not.toContain(privateKey.slice(2, 20))
    expect(readRows(join(home, 'journal.db'), 'select event, subject, detail from audit')).toEqual([
      { event: 'wallet.created', subject: 'main', detail: JSON.stringify({ address }) },
    ])
    expect(readFileSync(join(home, 'journal.db')).includes(PASSWORD)).toBe(false)
  }, 120_000)

  it('two passwords that differ, one that is too short, and Ctrl-C write nothing', async () => {
    const differ = await atTerminal(
      ['create', 'main'],
      [
        ['New password: ', `${PASSWORD}\r`],
        ['The same again: ', `${PASSWORD}x\r`],
      ],
    )
    expect(differ.shown).toContain('The password cannot be used: the two differ. Nothing was written.')
    const short = await atTerminal(['create', 'main'], [['New password: ', 'short\r']])
    expect(short.shown).toContain('it needs 8 to 1024 characters')
    const left = await atTerminal(['create', 'main'], [['New password: ', 'abc\u0003']])
    expect([differ.code, short.code, left.code]).toEqual([1, 1, 1])
    expect(existsSync(join(home, 'wallets'))).toBe(false)
  })

  it('F2: takes over a key that is typed, and changes a password', async () => {
    const imported = await atTerminal(
      ['import', 'main'],
      [
        ['Private key, 64 hex digits: ', `${CANARY_KEY}\r`],
        ['New password: ', `${PASSWORD}\r`],
        ['The same again: ', `${PASSWORD}\r`],
      ],
    )
    expect(imported.shown).toContain(`main  ${CANARY_ACCOUNT}`)
    expect(imported.shown).not.toMatch(/cafef00d|canary-password/i)
    const changed = await atTerminal(
      ['password', 'main'],
      [
        ['Password that it has: ', `${PASSWORD}\r`],
        ['New password: ', 'quite another\r'],
        ['The same again: ', 'quite another\r'],
      ],
    )
    expect(changed.code).toBe(0)
    const opened = decryptKeystoreJsonSync(readFileSync(fileOf('main'), 'utf8'), 'quite another')
    expect(opened.address).toBe(CANARY_ACCOUNT)
  }, 120_000)
})

describe('F2: without a terminal', () => {
  it('the password is in a file; the key too, or in a keystore of another tool', async () => {
    const password = ['--password-file', passwordFile()]
    const hex = placeSecret(home, 'hex', CANARY_KEY)
    const foreign = placeSecret(home, 'geth', await foreignKeystore(OTHER_KEY, 'other word'))
    const word = placeSecret(home, 'word', 'other word')
    expect(await wallet('import', 'main', '--from', hex, ...password)).toMatchObject({ code: 0, stderr: '' })
    const second = await wallet(
      'import',
      'geth',
      '--from',
      foreign,
      '--from-password-file',
      word,
      ...password,
    )
    expect(second.stdout).toContain(`geth  ${OTHER_ACCOUNT}`)
    expect(await wallet('rename', 'geth', 'ops')).toMatchObject({ code: 0 })
    const { stdout } = await wallet('list')
    expect(stdout).toBe(`main  ${CANARY_ACCOUNT}\nops  ${OTHER_ACCOUNT}\n`)
  })

  it('F5: what is halted by its name stays halted under its new one', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const bursar = (...args: readonly string[]) =>
      run(process.execPath, [BURSAR, ...args], {
        env: env({ BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }),
      })
    await bursar('halt', '--wallet', 'main', '--chain', 'base', '--reason', 'leaked')
    expect((await wallet('rename', 'main', 'Spare')).code).toBe(1)
    const halts = () =>
      readRows(join(home, 'journal.db'), 'select wallet, chain, reason from halts order by wallet')
    const main = { wallet: 'main', chain: 'eip155:8453', reason: 'leaked' }
    expect(halts()).toEqual([main])
    const { code, stdout } = await wallet('rename', 'main', 'spare')
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('Signing is halted for wallet spare on eip155:8453 as well: leaked\n'),
    ])
    expect(halts()).toEqual([main, { ...main, wallet: 'spare' }])
  })

  it('rotates, and says how to move what the old key holds', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const { code, stdout } = await wallet('rotate', 'main', '--days', '1', '--password-file', passwordFile())
    const [kept] = readdirSync(join(home, 'wallets')).filter((name) => name !== 'main.json')
    expect([code, kept]).toEqual([0, expect.stringMatching(/^main-until-\d{8}\.json$/)])
    expect(stdout).toContain(`The old key (${CANARY_ACCOUNT}) is kept as "${kept?.slice(0, -5)}"`)
    const wrong = await wallet('rotate', 'main', '--days', '0', '--password-file', passwordFile())
    expect(wrong.stderr).toContain('--days cannot be used: it is a number from 1 to 9999')
  })

  it('F1: tells of contract accounts that they are other ones with another key, and how to reach the old', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const accounts = {
      ...{ WALLET_VAULT_OWNER: 'main', WALLET_PAY_ROLL_OWNER: 'main', WALLET_PAY_ROLL_SALT: '7' },
      WALLET_OTHER_OWNER: 'another',
    }
    const { code, stdout } = await walletWith(accounts, 'rotate', 'main', '--password-file', passwordFile())
    const moved = /^The contract account "(\S+)" is at (0x\w{40}) from now on. It was at (0x\w{40}):$/gm
    const told = [...stdout.matchAll(moved)].map(([, name, now, before]) => ({ name, now, before }))
    expect([code, told]).toEqual([
      0,
      [
        { name: 'pay-roll', now: expect.any(String), before: '0x8952d8a259A1D2b58a2E4f2c4f275f7C7CCBBa8D' },
        { name: 'vault', now: expect.any(String), before: '0x38EB57476b5dD0C9e5507e7D709fAeba44F6ACE2' },
      ],
    ])
    expect(new Set(told.flatMap(({ now, before }) => [now, before])).size).toBe(4)
    expect(stdout).toMatch(/WALLET_OLD_VAULT_OWNER=main-until-\d{8}$/m)
    expect(stdout).toMatch(/WALLET_OLD_PAY_ROLL_OWNER=main-until-\d{8} and WALLET_OLD_PAY_ROLL_SALT=7$/m)
  })

  it('R10, T15: each failure has its own words, exit code 1, and shows no secret', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const password = passwordFile()
    const failing: readonly (readonly [args: readonly string[], words: string])[] = [
      [['create', 'new'], 'There is no way to ask for the password: there is no terminal.'],
      [
        ['create', 'main', '--password-file', password],
        'The wallet "main" cannot be: there is one of that name.',
      ],
      [['create', 'Main', '--password-file', password], 'The name "Main" cannot be used'],
      [
        ['create', 'new', '--password-file', password, '--keyring'],
        'The keyring of this system cannot be used',
      ],
      [
        ['import', 'new', '--from', password, '--password-file', password],
        'The private key cannot be used: it is not a private key',
      ],
      [['rename', 'gone', 'new'], '"gone" is not a wallet that Bursar manages'],
      [
        [
          'password',
          'main',
          '--old-password-file',
          placeSecret(home, 'wrong', 'canary-wrong'),
          '--password-file',
          password,
        ],
        `The password does not open ${fileOf('main')}. The file is as it was.`,
      ],
    ]
    for (const [args, words] of failing) {
      // A session of its own has no terminal, whatever the tests run in.
      const { code, stdout, stderr } = await run(
        'setsid',
        ['-w', process.execPath, BURSAR, 'wallet', ...args],
        { env: env() },
      )
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(words)])
      expect(stderr).not.toMatch(/canary|cafef00d/i)
    }
    expect(readdirSync(join(home, 'wallets'))).toEqual(['main.json'])
  })

  it('F21: a disk that is full: no part of a file stays, and what was there is as it was', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const before = readFileSync(fileOf('main'), 'utf8')
    const full = (...args: readonly string[]) =>
      run('sh', ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, BURSAR, 'wallet', ...args], {
        env: env(),
      })
    const password = ['--password-file', passwordFile()]
    for (const args of [
      ['create', 'new'],
      ['rotate', 'main'],
    ]) {
      const { code, stderr } = await full(...args, ...password)
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/cannot be written \(EFBIG\)\. What was there before/),
      ])
    }
    const names = readdirSync(join(home, 'wallets'))
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect(readFileSync(fileOf('main'), 'utf8')).toBe(before)
  })
})

describe('F2: doctor and the server', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world.stop())

  it('T15: doctor tells which wallets can be used, and why others cannot', async () => {
    const signer = await startRemoteSigner(OTHER_KEY)
    await placeKeystore(home, 'main', CANARY_KEY)
    await placeKeystore(home, 'torn', OTHER_KEY)
    truncateSync(fileOf('torn'), 100)
    mkdirSync(join(home, 'wallets'), { recursive: true })
    const doctor = (extra: Readonly<Record<string, string>>) =>
      run(process.execPath, [BURSAR, 'doctor'], { env: environmentOf(world, home, { ...env(), ...extra }) })
    const good = await doctor({
      KEYSTORE_PASSWORD_FILE: passwordFile(),
      WALLET_FAR_REMOTE_URL: signer.url.replace('//', '//ops:canary-word@'),
      WALLET_FAR_ADDRESS: OTHER_ACCOUNT,
    })
    expect(good.stdout).toContain(`  ok   Wallet main (${CANARY_ACCOUNT}): its password opens it\n`)
    expect(good.stdout).toMatch(
      / ok {3}Wallet far \(0x[0-9A-Fa-f]{40}\), signer at 127\.0\.0\.1:\d+: has its key\n/,
    )
    expect(good.stdout).toMatch(/ FAIL {2}Wallet torn: .*it was cut off or changed/)
    const bad = await doctor({
      KEYSTORE_PASSWORD_FILE: placeSecret(home, 'wrong', 'canary-wrong-password'),
      WALLET_FAR_REMOTE_URL: signer.url,
      WALLET_FAR_ADDRESS: '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F',
      WALLET_GONE_REMOTE_URL: 'http://127.0.0.1:1/canary-path-1234',
      WALLET_GONE_ADDRESS: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    })
    expect(bad.stdout).toContain(` FAIL  Wallet main (${CANARY_ACCOUNT}): The password does not open`)
    expect(bad.stdout).toMatch(/ FAIL {2}Wallet far .*: does not have its key/)
    expect(bad.stdout).toMatch(/ FAIL {2}Wallet gone .*did not sign: it cannot be reached \(ECONNREFUSED\)/)
    expect(good.stdout + good.stderr + bad.stdout + bad.stderr).not.toMatch(/canary|cafef00d/i)
    expect([good.code, bad.code]).toEqual([1, 1])
    await signer.close()
  })

  it('T15: no key, password or credential is in anything that a server says, writes or passes on', async () => {
    const path = await placeKeystore(home, 'main', CANARY_KEY)
    await placeKeystore(home, 'open', OTHER_KEY)
    chmodSync(fileOf('open'), 0o644)
    const server = await startBursar({
      env: environmentOf(world, home, {
        ...env(),
        LOG_LEVEL: 'debug',
        KEYSTORE_PASSWORD_FILE: passwordFile(),
        WALLET_FAR_REMOTE_URL: 'http://ops:canary-word@127.0.0.1:1/canary-path-1234',
        WALLET_FAR_ADDRESS: '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F',
      }),
    })
    const listed = await server.answer('get_wallets')
    const refused = await server.refusal('simulate_transaction', {
      ...{
        chain: 'sandbox-a',
        wallet: 'main',
        to: OTHER_ACCOUNT,
        amount: '1',
        asset: 'native',
        idempotencyKey: 'k',
      },
    })
    const status = await server.answer('get_status')
    expect(status.warnings.join('\n')).toContain(`${fileOf('open')} is open to other users (mode 644)`)
    const { pid } = server.connection.process
    const ofProcess = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    await server.close()
    const files = readdirSync(home).filter((name) => name.startsWith('journal'))
    const written = files.map((name) => readFileSync(join(home, name), 'latin1'))
    const said = [
      JSON.stringify([listed, refused, status]),
      server.stderr(),
      ...server.lines,
      ofProcess,
      ...written,
    ]
    expect(said.join('\n')).not.toMatch(/canary|cafef00d/i)
    expect([path, said.join('').length > 1_000]).toEqual([fileOf('main'), true])
  })
})
