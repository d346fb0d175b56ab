/** What is measured, and what it may take. */
import type { BalancerOptions } from 'evenkeel'

const KB = 1024
const MB = KB * KB

/** Of one request, besides what is configured: the high-water marks of the streams and sockets it goes through. */
const IN_STREAMS = 256 * KB
/** Of one request whose body goes to the disk: a write and a read that are under way. */
const IN_FILE_CALLS = 128 * KB
/** Of the process: V8 lets 64 MB of buffers come before it collects them, and more when there is more in use already. */
export const GARBAGE = 128 * MB

export interface Scenario {
  readonly name: string
  readonly way: 'download' | 'upload'
  readonly options: Omit<BalancerOptions, 'upstream'>
  /** Bytes of memory for one request, as configured. */
  readonly memory: number
  /** Bytes on the disk for one request; `whole`: all of its body. */
  readonly disk: number | 'whole'
}

/** What one request may take. */
export function boundOf({ memory, disk }: Scenario): number {
  return memory + IN_STREAMS + (disk === 0 ? 0 : IN_FILE_CALLS)
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'buffering off',
    way: 'download',
    options: { buffering: 'off' },
    memory: 0,
    disk: 0,
  },
  {
    name: 'buffering on, 64k',
    way: 'download',
    options: { buffering: 'on', buffers: '64k', maxTempFile: 0 },
    memory: 64 * KB,
    disk: 0,
  },
  {
    name: 'buffering on, 64k, file 10m',
    way: 'download',
    options: { buffering: 'on', buffers: '64k', maxTempFile: '10m' },
    memory: 64 * KB,
    disk: 10 * MB,
  },
  {
    name: 'requestBuffering replay, 64k',
    way: 'upload',
    options: { requestBuffering: 'replay', replayBuffer: '64k' },
    memory: 64 * KB,
    disk: 0,
  },
  {
    name: 'requestBuffering off',
    way: 'upload',
    options: { requestBuffering: 'off' },
    memory: 0,
    disk: 0,
  },
  {
    name: 'requestBuffering full, 16k',
    way: 'upload',
    options: { requestBuffering: 'full', bodyBuffer: '16k' },
    memory: 16 * KB,
    disk: 'whole',
  },
]
