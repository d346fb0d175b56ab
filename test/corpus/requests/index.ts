/** All of the request corpus. */
import type { RequestCase } from '../request-case.js'
import { bodies } from './bodies.js'
import { chunks } from './chunks.js'
import { connection } from './connection.js'
import { fieldLines } from './fields.js'
import { framing } from './framing.js'
import { hosts } from './hosts.js'
import { lines } from './lines.js'
import { pipelines } from './pipelines.js'
import { oddTargets, targets } from './targets.js'
import { transferEncoding } from './transfer-encoding.js'

export interface Category<C> {
  readonly category: string
  readonly cases: readonly C[]
}

export const requestCorpus: readonly Category<RequestCase>[] = [
  { category: 'Content-Length', cases: framing },
  { category: 'Transfer-Encoding', cases: transferEncoding },
  { category: 'chunks', cases: chunks },
  { category: 'lines', cases: lines },
  { category: 'fields', cases: fieldLines },
  { category: 'targets, byte for byte', cases: targets },
  { category: 'targets', cases: oddTargets },
  { category: 'Host', cases: hosts },
  { category: 'Connection', cases: connection },
  { category: 'bodies', cases: bodies },
  { category: 'pipelines', cases: pipelines },
]
