import {
  type AbiFunction,
  type AbiParameter,
  encodeFunctionData,
  type Hex,
  parseAbiItem,
  toFunctionSignature,
} from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import { parseAddress } from '../address.ts'

/** Calldata and the canonical signature of `name(type,…)` with one text per parameter. Throws `call_invalid`. */
export function encodeCall(signature: string, args: readonly string[]): { data: Hex; signature: string } {
  const abi = parseSignature(signature)
  if (abi.inputs.length !== args.length) {
    throw invalid(`${signature} takes ${abi.inputs.length} argument(s), ${args.length} given`)
  }
  const values = abi.inputs.map((input, index) => fromText(input, args[index] ?? '', `args[${index}]`))
  try {
    const data = encodeFunctionData({ abi: [abi], functionName: abi.name, args: values })
    return { data, signature: toFunctionSignature(abi) }
  } catch (cause) {
    throw invalid(`the arguments do not fit ${signature}`, cause)
  }
}

/** Checks raw calldata: empty, or a selector and whatever follows. Throws `call_invalid`. */
export function parseCalldata(text: string): Hex {
  if (/^0x([0-9a-fA-F]{2})*$/.test(text) && (text === '0x' || text.length >= 10))
    return text.toLowerCase() as Hex
  throw invalid('data must be 0x-prefixed hex: a 4-byte selector and its arguments')
}

function parseSignature(signature: string): AbiFunction {
  const text = signature.trim().replace(/^function\s+/, '')
  if (!/^[A-Za-z_$][\w$]*\s*\(.*\)/s.test(text))
    throw invalid(`function "${text.slice(0, 80)}" is not "name(type,type)"`)
  try {
    const item = parseAbiItem(`function ${text}` as 'function f()')
    return item as AbiFunction
  } catch (cause) {
    throw invalid(`function "${text.slice(0, 80)}" is not a valid signature`, cause)
  }
}

const ARRAY = /^(.*)\[(\d*)\]$/

function fromText(parameter: AbiParameter, text: string, path: string): unknown {
  if (ARRAY.test(parameter.type) || parameter.type.startsWith('tuple')) {
    return fromJson(parameter, parseJsonText(text, path), path)
  }
  return scalar(parameter.type, text, path)
}

function fromJson(parameter: AbiParameter, value: unknown, path: string): unknown {
  const array = ARRAY.exec(parameter.type)
  if (array) return arrayOf(parameter, array, value, path)
  if (parameter.type === 'tuple') return tupleOf(parameter, value, path)
  if (typeof value === 'string') return scalar(parameter.type, value, path)
  if (typeof value === 'boolean') return scalar(parameter.type, String(value), path)
  if (typeof value === 'number' && Number.isSafeInteger(value))
    return scalar(parameter.type, String(value), path)
  throw invalid(`${path} must be text; write large numbers in quotes`)
}

function arrayOf(parameter: AbiParameter, array: RegExpExecArray, value: unknown, path: string): unknown {
  if (!Array.isArray(value)) throw invalid(`${path} (${parameter.type}) must be a JSON array`)
  const [, type = '', length = ''] = array
  if (length !== '' && value.length !== Number(length)) throw invalid(`${path} must have ${length} entries`)
  return value.map((entry, index) => fromJson({ ...parameter, type }, entry, `${path}[${index}]`))
}

function tupleOf(parameter: AbiParameter, value: unknown, path: string): unknown {
  const components = 'components' in parameter ? parameter.components : []
  const entries = Array.isArray(value) ? value : undefined
  if (entries?.length !== components.length) {
    throw invalid(`${path} must be a JSON array of its ${components.length} members, in order`)
  }
  // Always by position: members may share a name, and by name the last one would stand for all of them.
  return components.map((component, index) => fromJson(component, entries[index], `${path}[${index}]`))
}

function scalar(type: string, text: string, path: string): unknown {
  if (type === 'address') return parseAddress(text, path)
  if (type === 'bool') {
    if (text === 'true' || text === 'false') return text === 'true'
    throw invalid(`${path} (bool) must be "true" or "false"`)
  }
  if (/^u?int\d*$/.test(type)) {
    if (/^-?\d{1,78}$/.test(text)) return BigInt(text)
    throw invalid(`${path} (${type}) must be a whole decimal number in base units, as text`)
  }
  if (type.startsWith('bytes')) {
    if (/^0x([0-9a-fA-F]{2})*$/.test(text)) return text
    throw invalid(`${path} (${type}) must be 0x-prefixed hex`)
  }
  if (type === 'string') return text
  throw invalid(`${path} has the type ${type}, which cannot be given as text`)
}

function parseJsonText(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalid(`${path} must be JSON text, such as "[\\"1\\",\\"2\\"]"`, cause)
  }
}

function invalid(reason: string, cause?: unknown): BursarError {
  return new BursarError('call_invalid', { reason }, { cause })
}
