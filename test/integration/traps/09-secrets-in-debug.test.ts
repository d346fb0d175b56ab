/** Trap 9: with `DEBUG=http-proxy-3` the options are logged, TLS keys included; the base object is mutated. */
import { Console } from 'node:console'
import { Writable } from 'node:stream'
import debug from 'debug'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { ask } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'

watchProcess()

describe('trap 9: what http-proxy-3 does with its options', () => {
  it('no secret is among those that it logs', async () => {
    let logged = ''
    const sink = new Console(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          logged += chunk.toString()
          done()
        },
      }),
    )
    const log = debug.log
    debug.log = (...args: unknown[]) => sink.log(...args)
    debug.enable('*')
    onTestFinished(() => {
      debug.disable()
      debug.log = log
    })
    const mock = await upstream({ tls: { ...forLocalhost, requestCert: true } })
    const { port } = await serve([mock], {
      tls: {
        ca: forLocalhost.cert,
        name: 'localhost',
        key: forLocalhost.key,
        cert: forLocalhost.cert,
        passphrase: 'open sesame',
      },
    })
    const headers = { Authorization: 'Bearer of-secrets', Cookie: 'session=secret-session' }
    expect(await ask(port, { headers })).toMatchObject({ whole: true, status: 200 })
    expect(mock.requests[0]!.headers).toMatchObject({ authorization: 'Bearer of-secrets' })
    expect(logged).toMatch(/http-proxy-3/)
    const keyLine = forLocalhost.key.split('\n')[1]!
    for (const secret of [keyLine, 'PRIVATE KEY', 'open sesame', 'of-secrets', 'secret-session'])
      expect(logged).not.toContain(secret)
  })

  it('no request inherits anything of the one before', async () => {
    const mock = await upstream()
    const { port } = await serve([mock])
    await ask(port, { method: 'PUT', path: '/one?a', headers: { 'X-One': '1' }, body: 'one' })
    await Promise.all([
      ask(port, { method: 'DELETE', path: '/two?b', headers: { 'X-Two': '2' } }),
      ask(port, { method: 'GET', path: '/three', headers: { 'X-Three': '3' } }),
    ])
    const seen = mock.requests.map(({ method, target, headers }) => [
      method,
      target,
      Object.keys(headers).filter((name) => /^x-(one|two|three)$/.test(name)),
    ])
    expect(seen).toHaveLength(3)
    expect(seen).toEqual(
      expect.arrayContaining([
        ['PUT', '/one?a', ['x-one']],
        ['DELETE', '/two?b', ['x-two']],
        ['GET', '/three', ['x-three']],
      ]),
    )
  })
})
