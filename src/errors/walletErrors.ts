import { list, spec } from './spec.ts'

/** Wallets and signers: 3000 to 3999. */
export const walletErrors = {
  wallet_unknown: spec(3001, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not a wallet that Bursar manages on this chain.`,
    fix: `Use one of: ${list(c.known)}. get_wallets shows them.`,
  })),
  receipt_refused: spec(3002, 'bug', 'same', (c: { reason: string }) => ({
    message: `The payload was not signed: ${c.reason}.`,
    fix: 'Call simulate_transaction again and execute the new intent.',
  })),
  wallet_locked: spec(3003, 'config', 'no', (c: { name: string; reason: string }) => ({
    message: `The wallet "${c.name}" is locked: ${c.reason}. Nothing was signed.`,
    fix: 'Ask the operator to set KEYSTORE_PASSWORD_FILE, or to run "bursar wallet password" with --keyring, and to run doctor.',
  })),
  password_wrong: spec(3004, 'config', 'no', (c: { path: string }) => ({
    message: `The password does not open ${c.path}. The file is as it was.`,
    fix: 'Give the right password, or ask the operator to correct the file of KEYSTORE_PASSWORD_FILE; doctor checks it.',
  })),
  keystore_damaged: spec(3005, 'config', 'no', (c: { path: string; reason: string }) => ({
    message: `The keystore ${c.path} cannot be used: ${c.reason}.`,
    fix: 'Ask the operator to put a copy of that file in its place; "bursar wallet import" reads keystores of other tools.',
  })),
  secret_file_exposed: spec(3006, 'config', 'no', (c: { path: string; mode: string }) => ({
    message: `${c.path} is open to other users (mode ${c.mode}), so it is not used.`,
    fix: 'Ask the operator to run "chmod go-rwx" on it, and to change what it holds if others may have read it.',
  })),
  secret_file_unreadable: spec(3007, 'config', 'no', (c: { path: string; reason: string }) => ({
    message: `${c.path} cannot be read: ${c.reason}.`,
    fix: 'Check that it exists and belongs to the user that Bursar runs as.',
  })),
  keystore_unwritable: spec(3008, 'config', 'no', (c: { path: string; reason: string }) => ({
    message: `${c.path} cannot be written (${c.reason}). What was there before is as it was.`,
    fix: 'Check the disk and the folder (BURSAR_HOME), then run the command again.',
  })),
  wallet_exists: spec(3009, 'input', 'no', (c: { name: string; reason: string }) => ({
    message: `The wallet "${c.name}" cannot be: ${c.reason}.`,
    fix: 'Use another name or another key; "bursar wallet list" shows what there is.',
  })),
  wallet_input_invalid: spec(3010, 'input', 'no', (c: { what: string; reason: string }) => ({
    message: `${c.what} cannot be used: ${c.reason}. Nothing was written.`,
    fix: 'Correct it and run the command again.',
  })),
  password_missing: spec(3011, 'input', 'no', (c: { reason: string }) => ({
    message: `There is no way to ask for the password: ${c.reason}.`,
    fix: 'Use --password-file, set KEYSTORE_PASSWORD_FILE, or run the command in a terminal.',
  })),
  keyring_unavailable: spec(3012, 'config', 'no', (c: { reason: string }) => ({
    message: `The keyring of this system cannot be used: ${c.reason}.`,
    fix: 'Use a file with the password instead (--password-file, KEYSTORE_PASSWORD_FILE).',
  })),
  signer_unreachable: spec(
    3013,
    'provider',
    { afterSeconds: 5 },
    (c: { name: string; host: string; reason: string }) => ({
      message: `The signer of the wallet "${c.name}" at ${c.host} did not sign: ${c.reason}. Nothing was sent.`,
      fix: 'Wait: a payment that was begun is tried again by itself until it expires. If it persists, ask the operator to mend the signer; doctor checks it.',
    }),
  ),
  signer_refused: spec(3014, 'config', 'no', (c: { name: string; host: string; code: number }) => ({
    message: `The signer of the wallet "${c.name}" at ${c.host} refused to sign (code ${c.code}). Nothing was sent.`,
    fix: 'Ask the operator what its rules are and whether it holds the key of that wallet; doctor checks it.',
  })),
  signer_mismatch: spec(3015, 'config', 'no', (c: { name: string; host: string; reason: string }) => ({
    message: `The signer of the wallet "${c.name}" at ${c.host} signed something else than was asked: ${c.reason}. It was thrown away, and nothing was sent.`,
    fix: 'Ask the operator to look at the signer, and do not pay from that wallet before that.',
  })),
  signature_astray: spec(3016, 'chain', 'no', (c: { nonce: string }) => ({
    message: `The signer may have signed this payment at nonce ${c.nonce} without its answer reaching Bursar, and that nonce is no longer free for it. So it was not signed at another one.`,
    fix: 'Call get_operation until it tells what used that nonce, before you prepare the payment again.',
  })),
  accounts_unavailable: spec(3030, 'chain', 'no', (c: { what: string }) => ({
    message: `Contract accounts cannot pay on this chain: there is no ${c.what} of ERC-4337, release 0.8, at its address. Nothing was signed.`,
    fix: 'Use a wallet of kind eoa; get_wallets lists them.',
  })),
  bundling_unfunded: spec(
    3031,
    'chain',
    'no',
    (c: { wallet: string; owner: string; needed: string; available: string; asset: string }) => ({
      message: `${c.wallet} is carried to the chain by transactions of its owner ${c.owner}, who needs ${c.needed} ${c.asset} for gas and has ${c.available}. Nothing was signed.`,
      fix: `Fund ${c.owner} with ${c.asset}; most of it comes back from ${c.wallet} with the payment. Then call simulate_transaction again.`,
    }),
  ),
  account_route: spec(3032, 'input', 'no', (c: { wallet: string }) => ({
    message: `${c.wallet} is a contract account: what it pays cannot go by the private route. Nothing was prepared.`,
    fix: 'Call simulate_transaction without route, or with another wallet.',
  })),
  bundler_away: spec(3033, 'provider', { afterSeconds: 10 }, (c: { host: string; reason: string }) => ({
    message: `The bundler ${c.host} cannot be used: ${c.reason}. Nothing was signed.`,
    fix: 'Call again later. If it persists, ask the operator to check BUNDLER_URL, or to leave it out: owners then bring what their accounts pay.',
  })),
} as const
