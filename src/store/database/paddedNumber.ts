/** Wide enough for 64 bits. */
const WIDTH = 20

/** A nonce or a block number as the journal writes it: padded, so that text order is number order in every database. */
export const padNumber = (number: bigint): string => number.toString().padStart(WIDTH, '0')
export const unpadNumber = (text: string): bigint => BigInt(text)
