/** The example in a process of its own, in front of the peers that it is told. */
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { start } from '../../../examples/graceful-shutdown.js'

const { url } = await start({ upstream: process.argv.slice(2), port: 0 })
process.send?.(url)
// The channel to the parent is not to keep the process alive.
process.channel?.unref()

// What the server has seen, whatever the clients say.
let requests = 0
subscribe('http.server.request.start', () => requests++)
process.on('exit', () => writeSync(1, `${requests}\n`))
