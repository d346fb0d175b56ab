/** All of the response corpus. */
import type { Category } from '../requests/index.js'
import type { ResponseCase } from '../response-case.js'
import { closes } from './closes.js'
import { responseFields } from './fields.js'
import { responseFraming } from './framing.js'
import { statusLines } from './status-lines.js'
import { statuses } from './statuses.js'
import { responseChunks, responseCodings } from './transfer-encoding.js'

export const responseCorpus: readonly Category<ResponseCase>[] = [
  { category: 'status lines', cases: statusLines },
  { category: 'framing', cases: responseFraming },
  { category: 'Transfer-Encoding', cases: responseCodings },
  { category: 'chunks', cases: responseChunks },
  { category: 'fields', cases: responseFields },
  { category: 'statuses', cases: statuses },
  { category: 'closes', cases: closes },
]
