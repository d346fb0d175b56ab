/** Upstream bytes may never end the process: what would have done so is caught here and fails the test. */
import { afterEach, beforeEach, expect } from 'vitest'

/** Asserts for every test of a file that nothing was thrown where nobody catches. */
export function watchProcess(): void {
  let stray: unknown[] = []
  const note = (error: unknown): void => {
    stray.push(error)
  }
  const warned = (warning: Error): void => {
    // Listeners that pile up are told as a warning.
    if (warning.name === 'MaxListenersExceededWarning') stray.push(warning)
  }
  beforeEach(() => {
    stray = []
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    process.on('warning', warned)
  })
  afterEach(async () => {
    await turns()
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    process.off('warning', warned)
    expect(stray).toEqual([])
  })
}

/** Some turns of the event loop: what is already on its way over loopback arrives. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
