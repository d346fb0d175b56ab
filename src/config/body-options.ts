/** How bodies are kept, both ways. */
import { isAbsolute } from 'node:path'
import type { BalancerOptions } from '../options.js'
import type { Defaults } from './defaults.js'
import type { Section, TextRule } from './section.js'
import type { BodyConfig } from './types.js'

const KB = 1024

const DIRECTORY: TextRule = {
  rule: 'must be an absolute path',
  holds: (value) => isAbsolute(value) && !value.includes('\0'),
}

export function readBodies(options: Section<BalancerOptions>, defaults: Defaults): BodyConfig {
  return {
    requestBuffering: options.choice(
      'requestBuffering',
      ['replay', 'full', 'off'],
      defaults.requestBuffering,
    ),
    replayBuffer: options.size('replayBuffer', defaults.replayBuffer, 'zero allowed'),
    replayMemory: options.size('replayMemory', 64 * KB * KB, 'zero allowed'),
    bodyBuffer: options.size('bodyBuffer', 16 * KB, 'zero allowed'),
    maxBody: options.size('maxBody', defaults.maxBody, 'zero allowed') || Infinity,
    wholeResponse: options.size('wholeResponse', defaults.wholeResponse, 'zero allowed'),
    buffering: options.choice('buffering', ['off', 'on'], defaults.buffering),
    buffers: options.size('buffers', 64 * KB, 'more than zero'),
    maxTempFile: options.size('maxTempFile', KB * KB * KB, 'zero allowed'),
    tempPath: options.given('tempPath') ? options.text('tempPath', DIRECTORY, '') : undefined,
    limitRate: options.size('limitRate', 0, 'zero allowed'),
  }
}
