/** The options of the two logs. */
import { describe, expect, it } from 'vitest'
import { accessLog, ConfigurationError, createBalancer } from 'evenkeel'
import type { AccessLogOptions } from 'evenkeel'

function problemsOf(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message
    throw error
  }
  return ''
}

describe('options', () => {
  it.each<[unknown, string]>([
    [
      { format: '$request_tiem' },
      'format has $request_tiem, which is not a variable (did you mean request_time?)',
    ],
    [
      { format: '$document_root' },
      'format has $document_root, which belongs to files, and there are none',
    ],
    [{ format: 'a $ b' }, 'format has a "$" without the name of a variable'],
    [{ format: 5 }, "format must be a log_format of nginx, or 'combined', got 5"],
    [
      { escape: 'jsn' },
      "escape must be 'default' or 'json' or 'none' (did you mean json?), got \"jsn\"",
    ],
    [{ stream: {} }, 'stream must be a stream with write(), got {}'],
    [{ logger: {} }, 'logger must be a logger with info(), got {}'],
    [{ logger: { info() {} }, stream: { write() {} } }, 'stream cannot be beside logger'],
    [{ if: 1 }, 'if must be a function, got 1'],
    [{ serverName: 'a\nb' }, 'serverName must be a text without control characters'],
    [{ fromat: '' }, 'fromat is not an option (did you mean format?)'],
    [7, 'options must be an object or a format, got 7'],
  ])('%j', (options, problem) => {
    expect(problemsOf(() => accessLog(options as AccessLogOptions))).toContain(problem)
  })

  it('every variable that is wrong is named', () => {
    const text = problemsOf(() => accessLog('$nope $status $neither'))
    expect(text.split('\n')).toHaveLength(2)
  })

  it.each<[object, string]>([
    [{ accessLog: '$nope' }, 'accessLog.format has $nope'],
    [{ accessLog: 3 }, 'accessLog must be an object or a format, got 3'],
    [{ accessLog: { stream: 1 } }, 'accessLog.stream must be a stream'],
    [{ errorLog: 'x' }, 'errorLog must be true, false or an object, got "x"'],
    [{ errorLog: { level: 'debug' } }, "errorLog.level must be 'error' or 'warn' or 'info'"],
    [{ errorLog: { logger: { error() {} } } }, 'errorLog.logger must be a logger'],
  ])('of a balancer: %j', (options, problem) => {
    const make = (): unknown => createBalancer({ upstream: ['http://127.0.0.1:1'], ...options })
    expect(problemsOf(make)).toContain(problem)
  })

  it.each([true, false, 'combined', '$status', {}, accessLog()])('%s will do', async (given) => {
    const balancer = createBalancer({
      upstream: ['http://127.0.0.1:1'],
      accessLog: given,
      errorLog: true,
    })
    await balancer.close()
  })
})
