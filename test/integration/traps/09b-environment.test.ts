/** http-proxy-3 reads FORCE_FETCH_PATH at each request; with it set, requests hang on its 1.x. */
import { createBalancer } from 'evenkeel'
import { expect, onTestFinished, test } from 'vitest'

test('trap +: FORCE_FETCH_PATH is refused at the start, not found out by requests that hang', () => {
  process.env['FORCE_FETCH_PATH'] = 'true'
  onTestFinished(() => {
    delete process.env['FORCE_FETCH_PATH']
  })
  expect(() => createBalancer({ upstream: ['127.0.0.1:1'] })).toThrow(/FORCE_FETCH_PATH/)
})
