/** One thing that the bytes of a payload ask for, by themselves or inside of another, as policy judges it. */
export interface PayloadCall {
  /** Canonical address of what is called, or paid. */
  readonly contract: string
  /**
   * `payment`: value without data, or a listed token's own transfer or approval: judged by whom it reaches. `carrier`:
   * makes the calls that follow and nothing else. `call`: everything else.
   */
  readonly kind: 'call' | 'payment' | 'carrier'
  /** Whom its own words pay, or allow to take, as far as they are a token's functions that are known. */
  readonly to?: readonly string[]
  /** First bytes that name the function, as text; absent for what carries no data. */
  readonly selector?: string
  /** It tells a contract account that is a wallet of its own, and not the one that pays, what to do. */
  readonly commands?: true
  /** Why what it carries could not be read. */
  readonly problem?: string
  /**
   * Its arguments as text, by the types of a signature such as `transfer(address,uint256)`: addresses canonical, numbers
   * decimal, arrays and tuples as lists. Undefined when it is another function; `unreadable` when its bytes do not fit.
   */
  arguments(signature: string): readonly ArgumentText[] | 'unreadable' | undefined
}

export type ArgumentText = string | readonly ArgumentText[]
