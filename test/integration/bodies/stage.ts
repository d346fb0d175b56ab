/** A balancer with a folder of its own for temporary files, of which nothing may be left when it is closed. */
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBalancer } from 'evenkeel'
import type { Balancer, BalancerError, BalancerOptions, FinishEvent } from 'evenkeel'
import { expect, onTestFinished, vi } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { canLook, openFiles, openSockets } from './descriptors.js'

export type Client = 'h1' | 'h2'

export interface Stage {
  readonly balancer: Balancer
  readonly port: number
  readonly errors: BalancerError[]
  readonly finished: FinishEvent[]
  close(): Promise<void>
}

/** A folder for one test. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bodies-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function openStage(client: Client, options: BalancerOptions): Promise<Stage> {
  const balancer = createBalancer(options)
  const errors: BalancerError[] = []
  const finished: FinishEvent[] = []
  balancer.on('error', (error) => void errors.push(error))
  balancer.on('finish', (event) => void finished.push(event))
  const server = serverOf(client, balancer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    balancer,
    port: (server.address() as AddressInfo).port,
    errors,
    finished,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await balancer.close()
      await closed
    },
  }
}

function serverOf(client: Client, balancer: Balancer): Server {
  switch (client) {
    case 'h1':
      return createServer({ requestTimeout: 0 }, balancer)
    case 'h2':
      return createSecureServer(
        forLocalhost,
        balancer as never as RequestListener as never,
      ) as never
  }
}

/** Calls back, and asserts that nothing is left of it: sockets, files, leases are as they were. */
export async function leavesNothing(folder: string, play: () => Promise<void>): Promise<void> {
  const sockets = openSockets()
  await play()
  expect(readdirSync(folder)).toEqual([])
  if (!canLook) return
  // The system closes in its own time.
  await vi.waitFor(() => {
    expect(openFiles(folder)).toEqual([])
    expect(openSockets()).toBeLessThanOrEqual(sockets)
  }, 10_000)
}
