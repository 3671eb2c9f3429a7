import { expect, test } from 'vitest'
import { Secret } from '../../../src/primitives/secret.ts'
import { openWire } from '../../../src/rpc/live/socketWire.ts'
import { startLiar } from './support/liarWorld.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

// A server closes when the last of its connections does, so that one left open is a close that never ends.
test.each([0, 1, 2, 3, 4, 6])(
  'a wire given up %i turns of the loop after it was begun leaves no connection open',
  async (turns) => {
    // More than once: where in the dial it is given up varies a little.
    for (let round = 1; round <= 20; round++) {
      const server = await startLiar()
      const stop = new AbortController()
      const options = { url: new Secret(server.url), timeoutMs: 2_000, onText: () => undefined }
      const opening = openWire(options, stop.signal)
      const ended = opening.then(
        (wire) => {
          wire.destroy()
          return wire.closed
        },
        (error: Error) => error.message,
      )
      for (let n = 0; n < turns; n++) await turn()
      stop.abort()
      expect(await ended).toMatch(/it was no longer wanted|it was ended/)
      await server.close()
    }
  },
  10_000,
)
