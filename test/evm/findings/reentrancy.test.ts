import { type Hex, parseEther, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Looks, startLooks } from '../../support/looks.ts'
import { withoutMethods } from '../../support/missingMethods.ts'

let looks: Looks

beforeAll(async () => {
  looks = await startLooks()
})
afterAll(() => looks.stop())

/** A bank whose depositors are paid by `withdraw`, and a client of it that calls back when it is paid. */
const BANK = (withdraw: string, more = '') => `contract Subject {
  mapping(address => uint256) public balance;
  uint256 lock;
  uint256 fees;
  ${more}
  function deposit() external payable { balance[msg.sender] += msg.value; }
  ${withdraw}
}`
const CLIENT = (back: string) => `interface Bank {
    function deposit() external payable; function withdraw() external; function balance(address) external view returns (uint256);
    function touch() external; function repay() external payable; function borrow() external;
  }
  contract Subject {
    Bank bank; uint256 times; bool on;
    function run(Bank at) external payable { bank = at; on = true; bank.deposit{value: msg.value}(); bank.withdraw(); }
    function borrow(Bank at) external payable { bank = at; bank.borrow(); }
    function onLoan() external payable { bank.repay{value: msg.value + 1}(); }
    receive() external payable { if (on && times < 1) { times++; ${back} } }
  }`
const PAY = '(bool ok,) = msg.sender.call{value: amount}(""); require(ok);'

async function withBank(bank: string, client: string, how = 'run(address)') {
  const at = await looks.install(bank)
  await looks.world.a.ask('anvil_setBalance', at, toHex(parseEther('5')))
  const by = await looks.install(client)
  await looks.world.a.ask('anvil_setBalance', by, toHex(parseEther('1')))
  const look = await looks.at({ to: by, function: how, args: [at], amount: '1' })
  return { ...look, at, by }
}
const AGAIN = CLIENT('bank.withdraw();')

describe('D2: reentrancy', () => {
  it('a balance that is emptied after it was paid out is found', async () => {
    const bank = BANK(
      `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
    )
    const { found, details, at, by } = await withBank(bank, AGAIN)
    expect(found).toEqual(['reentrancy warning'])
    const address = (text: Hex) => new RegExp(text, 'i')
    expect(details[0]).toMatch(address(`${by} calls back into ${at} while that is at work` as Hex))
  })

  it('at an address that begins with half a zero, which nodes leave out', async () => {
    const source = BANK(
      `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
    )
    const { ask } = looks.world.a
    const [bank, by] = ['0x0abc000000000000000000000000000000000001', await looks.install(AGAIN)] as const
    await ask('anvil_setCode', bank, await ask('eth_getCode', await looks.install(source), 'latest'))
    await ask('anvil_setBalance', bank, toHex(parseEther('5')))
    const { found } = await looks.at({ to: by, function: 'run(address)', args: [bank], amount: '1' })
    expect(found).toEqual(['reentrancy warning'])
  })

  it('by way of another function of the same contract, and of a proxy', async () => {
    const bank = BANK(
      `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
      'function touch() external { balance[address(1)] += balance[msg.sender]; balance[msg.sender] = 0; }',
    )
    expect((await withBank(bank, CLIENT('bank.touch();'))).found).toEqual(['reentrancy warning'])
    const code = await looks.install(bank)
    const proxy = `contract Subject {
      receive() external payable {}
      fallback() external payable {
        (bool ok, bytes memory out) = address(${'0x0000000000000000000000000000000000000000'}).delegatecall(msg.data);
        require(ok); assembly { return(add(out, 32), mload(out)) }
      }
    }`.replace('0x0000000000000000000000000000000000000000', `uint160(${BigInt(code)})`)
    expect((await withBank(proxy, CLIENT('bank.touch();'))).found).toEqual(['reentrancy warning'])
  })
})

describe('D2: innocent look-alikes of reentrancy', () => {
  it.each([
    [
      'effects before interactions',
      BANK(
        `function withdraw() external { uint256 amount = balance[msg.sender]; balance[msg.sender] = 0; ${PAY} }`,
      ),
      AGAIN,
    ],
    [
      'a guarded contract whose second call is refused',
      BANK(
        `function withdraw() external { require(lock == 0); lock = 1; uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; lock = 0; }`,
      ),
      CLIENT('try bank.withdraw() {} catch {}'),
    ],
    [
      'a guard that is lifted after a call back into a function without one',
      BANK(
        `function withdraw() external { require(lock == 1 || lock == 0); lock = 2; uint256 amount = balance[msg.sender]; balance[msg.sender] = 0; ${PAY} lock = 1; }`,
        'function touch() external { balance[address(1)] += 1; }',
      ),
      CLIENT('bank.touch();'),
    ],
    [
      'a call back that only views',
      BANK(
        `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
      ),
      CLIENT('bank.balance(address(this));'),
    ],
    [
      'a call back that only views, and is not declared to',
      BANK(
        `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
      ),
      CLIENT('(bool ok,) = address(bank).call(abi.encodeCall(bank.balance, (address(this)))); require(ok);'),
    ],
    [
      'a call back that is undone, beside one that touches another thing',
      BANK(
        `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
        'function touch() external { balance[msg.sender] += 1; revert(); } function repay() external payable { fees += 1; }',
      ),
      CLIENT('try bank.touch() {} catch {} bank.repay();'),
    ],
    [
      'a receiver that does nothing',
      BANK(
        `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
      ),
      CLIENT(''),
    ],
  ])('%s', async (_name, bank, client) => {
    expect((await withBank(bank, client)).found).toEqual([])
  })

  it('a loan that is paid back to its pool within the call', async () => {
    const pool = BANK(
      `uint256 debt;
      function borrow() external {
        debt = 1 ether; (bool ok,) = msg.sender.call{value: 1 ether}(abi.encodeWithSignature("onLoan()")); require(ok);
        require(debt == 0); fees += 1;
      }
      function repay() external payable { debt = 0; }
      function withdraw() external {}`,
    )
    expect((await withBank(pool, CLIENT(''), 'borrow(address)')).found).toEqual([])
  })

  it('a router that is called back by its pool, and clears what that has left', async () => {
    const router = `contract Subject {
      uint256 cached; uint256 swaps;
      function withdraw() external {}
      function deposit() external payable {
        (bool ok,) = msg.sender.call(abi.encodeWithSignature("onLoan()")); require(ok);
        require(cached == 1 ether + 1 || cached == 1); cached = 0; swaps++;
      }
      function repay() external payable { cached = msg.value; }
    }`
    expect((await withBank(router, CLIENT(''))).found).toEqual([])
  })

  it('nothing is asked of every step where nobody is called back', async () => {
    const bank = BANK(
      `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
    )
    const { at } = await withBank(bank, CLIENT(''))
    const stepsAsked = async (work: () => Promise<unknown>) => {
      looks.world.a.proxy.reset()
      await work()
      const asked = looks.world.a.proxy.calls.filter(({ method }) => method === 'debug_traceCall')
      expect(asked.length).toBeGreaterThan(0)
      return asked.filter(({ params }) => !('tracer' in (params[2] as object))).length
    }
    expect(await stepsAsked(() => looks.at({ to: at, function: 'deposit()', amount: '1' }))).toBe(0)
    expect(await stepsAsked(() => withBank(bank, AGAIN))).toBe(1)
  })
})

it('D2: where nobody traces, that is said', async () => {
  looks.world.a.proxy.setFault(withoutMethods(['debug_traceCall']))
  const bank = BANK(
    `function withdraw() external { uint256 amount = balance[msg.sender]; ${PAY} balance[msg.sender] = 0; }`,
  )
  expect((await withBank(bank, AGAIN)).found).toEqual(['not-traced info'])
})
