// What the commands of src/cli/wallets/walletCommands.ts are given.

export interface NewPasswordOptions {
  readonly passwordFile?: string
  readonly keyring?: true
}

export interface ImportOptions extends NewPasswordOptions {
  readonly from?: string
  readonly fromPasswordFile?: string
}

export interface RotateOptions extends NewPasswordOptions {
  readonly days: string
}

export interface PasswordOptions extends NewPasswordOptions {
  readonly oldPasswordFile?: string
}
