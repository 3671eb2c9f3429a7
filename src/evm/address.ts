import { checksumAddress, type Hex, zeroAddress } from 'viem'
import { BursarError } from '../errors/bursarError.ts'

const ADDRESS = /^0x[0-9a-fA-F]{40}$/

/** The EIP-55 spelling of an address that is known to be one. */
export function checksum(address: string): Hex {
  return checksumAddress(address.toLowerCase() as Hex)
}

/**
 * The EIP-55 spelling of an address. Throws `address_invalid` when it is not one, or when mixed case does not
 * match its checksum (R13): a mistyped address is caught by its capitals and by nothing else.
 */
export function parseAddress(text: string, field: string): Hex {
  const refuse = (reason: string) =>
    new BursarError('address_invalid', { field, given: text.slice(0, 80), reason })
  if (!ADDRESS.test(text)) throw refuse('an EVM address is 0x and 40 hexadecimal digits')
  const checksummed = checksum(text)
  const digits = text.slice(2)
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
  if (mixed && text !== checksummed) throw refuse('its capital letters do not match its EIP-55 checksum')
  return checksummed
}

/** Like `parseAddress`, and refuses the zero address: what is sent there is lost. */
export function parseRecipient(text: string, field: string): Hex {
  const address = parseAddress(text, field)
  if (address === zeroAddress) {
    throw new BursarError('recipient_refused', {
      given: address,
      reason: 'it is the zero address, and what is sent there is lost',
    })
  }
  return address
}
