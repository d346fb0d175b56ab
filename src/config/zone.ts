/** The `zone` option: a name, or an object with more. */
import type { UpstreamOptions, ZoneOptions } from '../options.js'
import type { ZoneChannel } from '../zone/channel.js'
import { isOptions, namesOf } from './section.js'
import type { TextRule, Section } from './section.js'
import type { ZoneConfig } from './types.js'

const ZONE = namesOf<ZoneOptions>({ name: true, wait: true, channel: true })

const NAME: TextRule = {
  rule: 'must be a text of 1 to 256 characters, none of them a control character',
  holds: (value) => /^\P{Cc}{1,256}$/u.test(value),
}

export function readZone(options: Section<Pick<UpstreamOptions, 'zone'>>): ZoneConfig | undefined {
  if (!options.given('zone')) return undefined
  const value = options.value('zone')
  if (typeof value !== 'string' && !isOptions(value)) {
    options.reject('zone', 'must be a name, or an object with one')
    return undefined
  }
  if (typeof value === 'string') {
    const name = options.text('zone', NAME, '')
    return Object.freeze({ name, wait: 500, channel: undefined })
  }
  const zone = options.section<ZoneOptions>('zone', ZONE)
  if (!zone.given('name')) options.problems.say(zone.path('name'), 'is required')
  return Object.freeze({
    name: zone.text('name', NAME, ''),
    wait: zone.duration('wait', 500, 'zero allowed'),
    channel: zone.plugin<ZoneChannel>('channel', ['send', 'onMessage'], 'a channel'),
  })
}
