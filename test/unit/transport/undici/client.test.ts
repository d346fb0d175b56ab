import { expect, it } from 'vitest'
import { takesRawHandlers } from '../../../../src/transport/undici/client.js'

it('the way of the installed version is chosen', () => {
  expect(takesRawHandlers).toBe(process.env['UNDICI'] !== '8')
})
