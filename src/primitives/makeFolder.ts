import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'

/**
 * Makes a folder that only its owner may use, with its parents. Throws the file system's error. Node's own recursive
 * mode never returns below file systems that answer "no such file" to a new folder, as /proc does.
 */
export function makeFolder(folder: string): void {
  const failure = tryMake(folder)
  if (failure === undefined) return
  const parent = path.dirname(folder)
  if (failure.code !== 'ENOENT' || parent === folder) throw failure
  makeFolder(parent)
  const second = tryMake(folder)
  if (second) throw second
}

function tryMake(folder: string): NodeJS.ErrnoException | undefined {
  try {
    mkdirSync(folder, { mode: 0o700 })
    return undefined
  } catch (error) {
    const failure = error as NodeJS.ErrnoException
    return failure.code === 'EEXIST' && statSync(folder).isDirectory() ? undefined : failure
  }
}
