import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a certificate that signs itself, good for localhost and 127.0.0.1. */
export interface Certificate {
  /** Whoever trusts what is in this file trusts the server. */
  readonly certFile: string
  readonly keyFile: string
}

/** Makes one, in DER by hand: Node has no call for it, and not every machine that runs the tests has openssl. */
export function makeCertificate(folder: string): Certificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const name = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from('bursar test')))))
  const day = 86_400_000
  const signed = sequence(
    // Version 3.
    der(0xa0, integer(2)),
    integer(1),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    name,
    publicKey,
    der(0xa3, sequence(alternativeNames('localhost', [127, 0, 0, 1]))),
  )
  const signature = sign('sha256', signed, privateKey)
  const certificate = sequence(signed, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature))
  const certFile = join(folder, 'certificate.pem')
  const keyFile = join(folder, 'key.pem')
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  writeFileSync(
    certFile,
    ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
  )
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { certFile, keyFile }
}

/** A tag, the length of what follows, and what follows. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

const sequence = (...parts: readonly Buffer[]) => der(0x30, ...parts)
const set = (...parts: readonly Buffer[]) => der(0x31, ...parts)
const integer = (value: number) => der(0x02, Buffer.from([value]))
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'))

/** YYMMDDHHMMSSZ. */
const time = (ms: number) =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`))

const alternativeNames = (host: string, ip: readonly number[]) =>
  sequence(oid('551d11'), der(0x04, sequence(der(0x82, Buffer.from(host)), der(0x87, Buffer.from(ip)))))
