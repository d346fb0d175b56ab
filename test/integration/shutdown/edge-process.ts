/** The example in a process of its own, in front of the peers that it is told. */
import { start } from '../../../examples/graceful-shutdown.js'

const { url } = await start({ upstream: process.argv.slice(2), port: 0 })
process.send?.(url)
// The channel to the parent is not to keep the process alive.
process.channel?.unref()
