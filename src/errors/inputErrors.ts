import { list, spec } from './spec.ts'

/** Input, configuration and the door: 1000 to 1999. */
export const inputErrors = {
  input_invalid: spec(1001, 'input', 'no', (c: { tool: string; problems: readonly string[] }) => ({
    message: `The arguments of ${c.tool} are not valid: ${c.problems.join('; ')}.`,
    fix: `Correct these arguments and call ${c.tool} again.`,
  })),
  chain_unknown: spec(1002, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not a chain that Bursar knows.`,
    fix: `Use one of: ${list(c.known)}. list_chains shows them.`,
  })),
  chain_not_configured: spec(
    1003,
    'config',
    'no',
    (c: { name: string; env: string; usable: readonly string[] }) => ({
      message: `${c.name} is known, but no RPC endpoint is configured for it.`,
      fix: `Use a configured chain (${list(c.usable)}), or ask the operator to set ${c.env}_RPC_URL.`,
    }),
  ),
  address_invalid: spec(1004, 'input', 'no', (c: { field: string; given: string; reason: string }) => ({
    message: `${c.field} "${c.given}" is not a usable address: ${c.reason}.`,
    fix: 'Ask for the address again and copy it exactly; do not change its capital letters.',
  })),
  amount_invalid: spec(1005, 'input', 'no', (c: { given: string; reason: string; decimals: number }) => ({
    message: `Amount "${c.given}" is not usable: ${c.reason}.`,
    fix: `Give a positive decimal string in whole units with at most ${c.decimals} decimals, such as "1.5".`,
  })),
  asset_unknown: spec(1006, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not an asset on this chain.`,
    fix: `Use "native", a token contract address, or one of: ${list(c.known)}.`,
  })),
  recipient_refused: spec(1007, 'input', 'no', (c: { given: string; reason: string }) => ({
    message: `${c.given} cannot receive this payment: ${c.reason}.`,
    fix: 'Ask for the recipient again. Nothing was prepared.',
  })),
  call_invalid: spec(1008, 'input', 'no', (c: { reason: string }) => ({
    message: `The contract call is not valid: ${c.reason}.`,
    fix: 'Give function as "name(type,type)" with one argument per type, or data as 0x-prefixed calldata, not both.',
  })),
  cursor_invalid: spec(1009, 'input', 'no', () => ({
    message: 'The cursor is not one that list_operations returned.',
    fix: 'Call list_operations without a cursor to start again from the newest operation.',
  })),
  scope_missing: spec(
    1010,
    'policy',
    'no',
    (c: { tool: string; scope: string; held: readonly string[] }) => ({
      message: `${c.tool} needs the scope ${c.scope}, and the token of this connection has ${list(c.held) || 'none'}. Nothing was done.`,
      fix: `Do without ${c.tool}, or ask the operator for a token with that scope (bursar token create).`,
    }),
  ),
  unauthenticated: spec(1011, 'input', 'no', (c: { reason: string }) => ({
    message: `The request was not answered: ${c.reason}.`,
    fix: 'Send "Authorization: Bearer <token>" with a token that the operator has made for this server (bursar token create).',
  })),
  host_refused: spec(1012, 'config', 'no', (c: { header: 'Host' | 'Origin'; setting: string }) => ({
    message: `The request was refused: its ${c.header} is not one that this server serves.`,
    fix: `Use the address that the operator serves; a name is served when ${c.setting} lists it.`,
  })),
  request_too_large: spec(1013, 'input', 'no', (c: { most: string }) => ({
    message: `The request was not read: it is larger than ${c.most}.`,
    fix: 'Send less in one call.',
  })),
  request_invalid: spec(1014, 'input', 'no', (c: { status: 400 | 404 | 405 | 415; reason: string }) => ({
    message: `The request is not valid: ${c.reason}.`,
    fix: 'POST one JSON-RPC message as application/json to /mcp, as MCP clients do.',
  })),
  too_many_requests: spec(
    1015,
    'policy',
    { afterSeconds: 60 },
    (c: { whose: string; limit: number; afterSeconds: number }) => ({
      message: `${c.whose} has sent more than ${c.limit} requests in a minute. This one was not served.`,
      fix: `Wait ${c.afterSeconds} s, then send it again. Ask get_operation to wait (waitSeconds) instead of asking often.`,
    }),
  ),
  server_busy: spec(1016, 'provider', { afterSeconds: 2 }, (c: { reason: string }) => ({
    message: `The request was not served: ${c.reason}.`,
    fix: 'Send it again in a moment.',
  })),
  recipient_unknown: spec(
    1020,
    'input',
    'no',
    (c: { field: string; given: string; near: readonly string[] }) => ({
      message: `${c.field} "${c.given}" is not an address, and no wallet or contact of this chain has that name.`,
      fix: `${c.near.length === 0 ? '' : `Ask whether ${c.near.map((name) => `"${name}"`).join(' or ')} is meant. `}Give the address itself, or ask the operator to add it (bursar contacts add).`,
    }),
  ),
  name_invalid: spec(1021, 'input', 'no', (c: { field: string; given: string; reason: string }) => ({
    message: `${c.field} "${c.given}" is not a name that can be used: ${c.reason}.`,
    fix: 'Ask for the address itself, and where the name came from: names that look like others are made to deceive.',
  })),
  name_unresolved: spec(1022, 'chain', 'no', (c: { name: string; reason: string }) => ({
    message: `"${c.name}" leads to no address: ${c.reason}. Nothing was prepared or signed.`,
    fix: 'Ask for the address itself and give that.',
  })),
  names_unavailable: spec(1023, 'config', 'no', (c: { given: string; reason: string }) => ({
    message: `"${c.given}" cannot be looked up: ${c.reason}.`,
    fix: 'Give the address itself, or a wallet from get_wallets. The operator can add a contact (bursar contacts add).',
  })),
  contact_refused: spec(1024, 'input', 'no', (c: { name: string; reason: string }) => ({
    message: `The contact "${c.name}" was not changed: ${c.reason}.`,
    fix: 'Correct that and run "bursar contacts" again; "bursar contacts list" shows what there is.',
  })),
  name_ambiguous: spec(
    1025,
    'input',
    'no',
    (c: { given: string; what: string; addresses: readonly string[] }) => ({
      message: `"${c.given}" is the name of more than one ${c.what}: ${list(c.addresses)}.`,
      fix: 'Ask which one is meant, and give its address instead of the name.',
    }),
  ),
  config_invalid: spec(1101, 'config', 'no', (c: { problems: readonly string[] }) => ({
    message: `The configuration has ${c.problems.length} problem(s):\n- ${c.problems.join('\n- ')}`,
    fix: 'Correct these environment variables and start again; .env.example documents all of them.',
  })),
  policy_invalid: spec(1110, 'config', 'no', (c: { problems: readonly string[] }) => ({
    message: `The policy file has ${c.problems.length} problem(s), and nothing of it is applied:\n- ${c.problems.join('\n- ')}`,
    fix: 'Correct the file (POLICY_FILE) and load it again with "bursar policy reload"; docs/policy.md describes every rule.',
  })),
  sandbox_unavailable: spec(1102, 'config', 'no', (c: { reason: string }) => ({
    message: `The sandbox is not usable: ${c.reason}.`,
    fix: 'Correct that and start again, or configure real chains through *_RPC_URL; doctor checks both.',
  })),
  sandbox_missing: spec(1103, 'config', 'no', (c: { reason: string }) => ({
    message: `The sandbox is not installed: ${c.reason}.`,
    fix: 'Install it with "npm install @foundry-rs/anvil@1.7.1", or configure real chains through *_RPC_URL.',
  })),
  http_unavailable: spec(1104, 'config', 'no', (c: { host: string; port: number; reason: string }) => ({
    message: `Bursar cannot listen on ${c.host}, port ${c.port}: ${c.reason}.`,
    fix: 'Correct HTTP_HOST and HTTP_PORT (0 takes any free port), or end what listens there.',
  })),
  http_too_open: spec(1105, 'config', 'no', (c: { host: string; missing: readonly string[] }) => ({
    message: `Bursar does not listen on ${c.host}, which others than this machine can reach: ${list(c.missing)}.`,
    fix: 'Name the hosts that clients use in HTTP_ALLOWED_HOSTS and make a token (bursar token create), or leave HTTP_HOST at 127.0.0.1.',
  })),
  token_refused: spec(1106, 'input', 'no', (c: { reason: string }) => ({
    message: `Nothing was changed: ${c.reason}.`,
    fix: 'See "bursar token list" for the tokens there are, and "bursar token create --help" for what one may have.',
  })),
} as const
