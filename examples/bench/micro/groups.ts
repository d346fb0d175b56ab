/** All that is measured. */
import type { Group } from './case.js'
import { bookkeepingCases } from './cases/bookkeeping.js'
import { decideCases } from './cases/decide.js'
import { headerCases, responseHeaderCases } from './cases/headers.js'
import { pickGroups } from './cases/pick.js'
import { trustCases } from './cases/trust.js'

export const GROUPS: readonly Group[] = [
  ...pickGroups,
  { name: 'decide', cases: decideCases },
  { name: 'outbound headers', cases: headerCases },
  { name: 'response headers', cases: responseHeaderCases },
  { name: 'trust proxy', cases: trustCases },
  { name: 'bookkeeping', cases: bookkeepingCases },
]
