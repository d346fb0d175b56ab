/** `compression` and `helmet` before the balancer on a server for HTTP/2, without a framework. */
import compression from 'compression'
import { dieInBody, respond } from 'evenkeel/testing'
import type { Request, Response } from 'express'
import helmet from 'helmet'
import { describe, expect, it } from 'vitest'
import { ask2, http2Session } from '../../helpers/clients.js'
import { serve, upstream } from '../../helpers/serve.js'
import { watchProcess } from '../../helpers/watch-process.js'
import { gunzipped, prose } from './bodies.js'

watchProcess()

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }
const LONG = prose(300_000)

describe('over HTTP/2', () => {
  it('compression and helmet work as they do over HTTP/1.1', async () => {
    const mock = await upstream()
    mock.route(
      '/story',
      respond({ headers: { ...TEXT, 'Set-Cookie': ['a=1', 'b=2'] }, body: LONG }),
    )
    mock.route(
      '/half',
      dieInBody({ announce: 300_000, send: LONG.slice(0, 100_000), headers: TEXT }),
    )
    const { port } = await serve(
      [mock],
      {},
      {
        kind: 'http2',
        before(req, res) {
          helmet()(req, res, () => undefined)
          compression()(req as Request, res as Response, () => undefined)
        },
      },
    )
    const session = http2Session(port)
    const reply = await ask2(session, { ':path': '/story', 'accept-encoding': 'gzip' })
    expect(reply).toMatchObject({ status: 200, whole: true })
    expect(reply.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      'set-cookie': ['a=1', 'b=2'],
    })
    expect(reply.headers['content-length']).toBeUndefined()
    expect(reply.headers['content-security-policy']).toBeDefined()
    expect(gunzipped(reply)).toBe(LONG)
    const half = await ask2(session, { ':path': '/half', 'accept-encoding': 'gzip' })
    expect(half.whole).toBe(false)
  })
})
