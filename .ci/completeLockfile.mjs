// node .ci/completeLockfile.mjs [lockfile]: adds the optional platform packages that the lockfile names and
// does not hold. npm leaves out what its registry does not offer (a mirror of Linux packages, for instance), and
// `npm ci` then refuses the lockfile on every machine. Run it after each change of dependencies.
// The entries carry no integrity hash: whoever regenerates the lockfile at a full registry gets those as well.
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'

const SYSTEM = /-(android|darwin|freebsd|linux|openharmony|win32)-/
const MACHINE = /-(amd64|arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-|$)/
const NODE_NAME = { amd64: 'x64' }

const path = process.argv[2] ?? 'package-lock.json'
const lock = JSON.parse(readFileSync(path, 'utf8'))
const added = []
for (const [home, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  // Those of the project itself are ours to install, on every platform.
  if (home === '') continue
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`
    if (lock.packages[key] || lock.packages[`${home}/${key}`] || !SYSTEM.test(name)) continue
    lock.packages[key] = entry(name, version, dev)
    added.push(name)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${path}: ${added.length} platform packages added\n`)

function entry(name, version, dev) {
  const system = SYSTEM.exec(name)?.[1]
  const machine = MACHINE.exec(name)?.[1]
  if (!/^\d+\.\d+\.\d+/.test(version) || !system || !machine)
    throw new Error(`${name}@${version} is not understood`)
  const libc = /musl/.test(name) ? ['musl'] : /-gnu/.test(name) ? ['glibc'] : undefined
  return {
    version,
    cpu: [NODE_NAME[machine] ?? machine],
    ...(dev ? { dev } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    os: [system],
  }
}
