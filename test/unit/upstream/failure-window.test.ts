import { expect, test } from 'vitest'
import { FailureWindow, WHOLE } from '../../../src/upstream/failure-window.js'

const both = (window: FailureWindow): number[] => [window.requests, window.failures / WHOLE]

test('counts requests and failures, and forgets them when they are too long ago', () => {
  const window = new FailureWindow(1000)
  window.note(0, 0)
  window.note(WHOLE, 50)
  window.note(WHOLE / 5, 150)
  expect(both(window)).toEqual([3, 1.2])
  window.advance(999)
  expect(both(window)).toEqual([3, 1.2])
  window.advance(1000)
  expect(both(window)).toEqual([1, 0.2])
  window.advance(1099)
  expect(both(window)).toEqual([1, 0.2])
  window.advance(1100)
  expect(both(window)).toEqual([0, 0])
})

test('forgets everything after a long pause, and goes on from there', () => {
  const window = new FailureWindow(1000)
  for (let now = 0; now < 1000; now += 10) window.note(WHOLE, now)
  expect(both(window)).toEqual([100, 100])
  window.note(0, 1_000_000_123)
  expect(both(window)).toEqual([1, 0])
})

test('knows times before zero, and a clock that has stepped back', () => {
  const window = new FailureWindow(1000)
  window.note(WHOLE, -5000)
  window.note(WHOLE, -4950)
  expect(both(window)).toEqual([2, 2])
  window.note(0, -9000)
  expect(both(window)).toEqual([3, 2])
  window.advance(-4000)
  expect(both(window)).toEqual([0, 0])
})

test('takes back what it still has, and nothing else', () => {
  const window = new FailureWindow(1000)
  const first = window.note(WHOLE, 0)
  const second = window.note(WHOLE / 2, 500)
  const { era } = window
  window.takeBack(WHOLE / 2, second, era)
  expect(both(window)).toEqual([1, 1])
  window.advance(1000)
  expect(both(window)).toEqual([0, 0])
  window.takeBack(WHOLE, first, era)
  expect(both(window)).toEqual([0, 0])
})

test('what was before a new beginning is not taken back from what came after it', () => {
  const window = new FailureWindow(1000)
  const part = window.note(WHOLE, 0)
  const { era } = window
  window.clear()
  expect(both(window)).toEqual([0, 0])
  window.note(WHOLE, 10)
  window.takeBack(WHOLE, part, era)
  expect(both(window)).toEqual([1, 1])
})

test('a tenth of a tenth ten times is exactly nothing when it is taken back', () => {
  const window = new FailureWindow(1000)
  const share = Math.round(0.1 * WHOLE)
  const parts = Array.from({ length: 10 }, () => window.note(share, 0))
  for (const part of parts) window.takeBack(share, part, window.era)
  expect(window.failures).toBe(0)
})
