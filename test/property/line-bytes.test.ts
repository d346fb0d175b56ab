/** Lines that wait as bytes come out as they went in. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineBytes } from '../../src/observe/line-bytes.js'

/** Of one to three bytes a unit, well-formed or not, in lengths around that of the memory they wait in. */
const piece = fc
  .tuple(
    fc.constantFrom('a', 'é', '…', '🦊', '\ud800'),
    fc.oneof(fc.nat(40), fc.integer({ min: 5000, max: 17_000 })),
  )
  .map(([unit, times]) => unit.repeat(times))

it('whatever is added, and whenever it is taken', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(piece, fc.constantFrom(true, false)), { maxLength: 12 }),
      (steps) => {
        const lines = new LineBytes()
        let expected = ''
        for (const step of [...steps, true]) {
          if (typeof step === 'string') {
            lines.add(step)
            expected += Buffer.from(step).toString()
            expect(lines.length).toBe(Buffer.byteLength(expected))
            continue
          }
          const taken = step ? lines.takeText() : lines.takeBytes().toString()
          expect(taken === expected).toBe(true)
          expect(lines.length).toBe(0)
          expected = ''
        }
      },
    ),
  )
})

it('bytes that were taken are not changed by lines that come after them', () => {
  const lines = new LineBytes()
  lines.add('first')
  const taken = lines.takeBytes()
  lines.add('other')
  expect(taken.toString()).toBe('first')
})
