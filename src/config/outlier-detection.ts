/** `outlierDetection` and `retryAfter`: passive health beyond nginx's counter. */
import type { OutlierDetectionOptions } from '../options.js'
import type { OutlierSettings } from '../upstream/outlier-availability.js'
import type { PeerParameters } from '../upstream/peer.js'
import { COUNT, isOptions, namesOf, PERCENTAGE, POSITIVE_INTEGER } from './section.js'
import type { NumberRule, Section } from './section.js'
import type { PeerConfig, UpstreamConfig } from './types.js'
import type { GroupOptions } from './upstream-options.js'

const OUTLIERS = namesOf<OutlierDetectionOptions>({
  consecutiveFailures: true,
  failureRate: true,
  minimumRequests: true,
  window: true,
  statusWeights: true,
  ejectionTime: true,
  maxEjectionTime: true,
  jitter: true,
  maxEjectionPercent: true,
})

const SHARE: NumberRule = {
  rule: 'must be a number from 0 to 1',
  holds: (value) => value >= 0 && value <= 1,
}
const MAX_EJECTION_TIME = 300_000
/** Of nginx's counter. A peer's own `maxFails: 0` keeps its meaning: it is never marked. */
const REPLACED = {
  maxFails: 'consecutiveFailures',
  failTimeout: 'ejectionTime',
} as const

interface Peers {
  /** `peers` or `upstream`. */
  readonly path: string
  readonly peers: readonly PeerConfig[]
}

export function readOutliers(
  options: Section<GroupOptions>,
  nginx: boolean,
  { path, peers }: Peers,
): Pick<UpstreamConfig, 'outlierDetection' | 'retryAfter'> {
  const given = options.given('outlierDetection') && options.value('outlierDetection') !== false
  const outlierDetection = given ? readSettings(options) : undefined
  if (outlierDetection !== undefined) {
    checkSurroundings(options, nginx)
    for (const [index, { parameters }] of peers.entries()) {
      const rule = refusedBesideOutliers(parameters)
      if (rule !== undefined && !isOfGroup(options)) options.problems.say(`${path}[${index}]`, rule)
    }
  }
  const heeded = options.boolean('retryAfter', given)
  const longest = outlierDetection?.maxEjectionTime ?? MAX_EJECTION_TIME
  return { outlierDetection, retryAfter: heeded ? longest : 0 }
}

/** The rule that a peer's own parameters break; `maxFails: 0` has a meaning, and 1 is what those have that say nothing. */
export function refusedBesideOutliers({
  maxFails,
  failTimeout,
}: PeerParameters): string | undefined {
  if (maxFails > 1) return 'must have no maxFails but 0 beside outlierDetection'
  return failTimeout === 10_000 ? undefined : 'must have no failTimeout beside outlierDetection'
}

/** The peers' have come from there, and are refused there. */
function isOfGroup(options: Section<GroupOptions>): boolean {
  return options.given('maxFails') || options.given('failTimeout')
}

function checkSurroundings(options: Section<GroupOptions>, nginx: boolean): void {
  if (nginx) {
    const rule = "must not be given with preset: 'nginx', which is there for nginx's own rule"
    options.problems.say(options.path('outlierDetection'), rule)
  }
  for (const name of ['maxFails', 'failTimeout'] as const) {
    if (!options.given(name)) continue
    const rule = `must not be given with outlierDetection: see its ${REPLACED[name]}`
    options.problems.say(options.path(name), rule)
  }
}

function readSettings(options: Section<GroupOptions>): OutlierSettings {
  const section = options.section<OutlierDetectionOptions>(
    'outlierDetection',
    OUTLIERS,
    'must be an object, or false',
  )
  const settings: OutlierSettings = Object.freeze({
    consecutiveFailures: section.number('consecutiveFailures', COUNT, 5),
    failureRate: section.number('failureRate', SHARE, 0.5),
    minimumRequests: section.number('minimumRequests', POSITIVE_INTEGER, 20),
    window: section.duration('window', 10_000, 'more than zero'),
    statusWeights: readWeights(section),
    ...readTimes(section),
    jitter: section.number('jitter', SHARE, 0.1),
    maxEjectionPercent: section.number('maxEjectionPercent', PERCENTAGE, 50),
  })
  checkTogether(options, section, settings)
  return settings
}

/** Either may be given alone: the other then goes with it. */
function readTimes(
  section: Section<OutlierDetectionOptions>,
): Pick<OutlierSettings, 'ejectionTime' | 'maxEjectionTime'> {
  const most = section.duration('maxEjectionTime', MAX_EJECTION_TIME, 'more than zero')
  const time = section.duration('ejectionTime', Math.min(30_000, most), 'more than zero')
  if (!section.given('maxEjectionTime'))
    return { ejectionTime: time, maxEjectionTime: Math.max(time, most) }
  if (time > most) section.reject('maxEjectionTime', 'must not be shorter than ejectionTime')
  return { ejectionTime: time, maxEjectionTime: most }
}

function checkTogether(
  options: Section<GroupOptions>,
  section: Section<OutlierDetectionOptions>,
  { consecutiveFailures, failureRate }: OutlierSettings,
): void {
  if (failureRate > 0) return
  if (consecutiveFailures === 0) {
    const rule = 'must have consecutiveFailures or failureRate: with both at 0 nothing is detected'
    options.problems.say(options.path('outlierDetection'), rule)
  }
  for (const name of ['minimumRequests', 'statusWeights'] as const) {
    if (section.given(name))
      section.problems.say(section.path(name), 'means nothing with failureRate 0')
  }
}

function readWeights(section: Section<OutlierDetectionOptions>): ReadonlyMap<number, number> {
  const weights = new Map<number, number>()
  if (!section.given('statusWeights')) return weights
  const given = section.value('statusWeights')
  if (!isOptions(given)) {
    section.reject('statusWeights', 'must be an object such as { 500: 0.2, 503: 1 }')
    return weights
  }
  for (const [status, weight] of entriesOf(section, given)) {
    const path = `${section.path('statusWeights')}[${JSON.stringify(status)}]`
    if (!/^[2-5]\d\d$/.test(status)) section.problems.say(path, 'is not a status from 200 to 599')
    else if (typeof weight !== 'number' || !SHARE.holds(weight))
      section.problems.add(path, SHARE.rule, weight)
    else weights.set(Number(status), weight)
  }
  return weights
}

function entriesOf(
  section: Section<OutlierDetectionOptions>,
  given: object,
): readonly (readonly [string, unknown])[] {
  try {
    return Object.entries(given)
  } catch {
    section.problems.say(section.path('statusWeights'), 'cannot be read')
    return []
  }
}
