/** The example of the live page: nobody sees it without the password, and nobody can change a peer. */
import type { StatusSnapshot } from 'evenkeel'
import { describe, expect, it } from 'vitest'
import { start } from '../../../examples/status-page/main.js'
import { ask, onStage } from './harness.js'

const authorization = `Basic ${Buffer.from('operator:open-sesame').toString('base64')}`

describe('status-page', () => {
  it.each(['', '/', '/json', '/events'])('refuses strangers at /status%s', async (path) => {
    await onStage(start, async ({ url, requests }) => {
      const headers = { authorization: 'Basic b3BlcmF0b3I6Z3Vlc3M=' }
      expect((await ask(`${url}/status${path}`)).status).toBe(401)
      const reply = await ask(`${url}/status${path}`, { headers })
      expect(reply.status).toBe(401)
      expect(reply.headers['www-authenticate']).toContain('Basic')
      expect(requests()).toEqual([])
    })
  })

  it('shows the operator the page, and lets them drain a peer', async () => {
    await onStage(start, async ({ url, one, requests }) => {
      expect((await ask(`${url}/hello`)).status).toBe(200)
      const page = await ask(`${url}/status`, { headers: { authorization } })
      expect(page.body.toString()).toContain('<h1>Shop</h1>')
      const drain = `${url}/status/peers/${encodeURIComponent(one.address)}/drain`
      expect((await ask(drain, { method: 'POST', headers: { 'X-Evenkeel': '1' } })).status).toBe(
        401,
      )
      const headers = { authorization, 'X-Evenkeel': '1' }
      const reply = await ask(drain, { method: 'POST', headers })
      expect(JSON.parse(reply.body.toString())).toEqual({ peer: one.address, state: 'draining' })
      for (let i = 0; i < 3; i++) expect((await ask(`${url}/`)).body.toString()).toBe('two')
      const json = await ask(`${url}/status/json`, { headers: { authorization } })
      const state = JSON.parse(json.body.toString()) as StatusSnapshot
      expect(state.peers.map((peer) => peer.state)).toEqual(['draining', 'up'])
      // Those for the page are not among them.
      expect(state.totals.requests).toBe(4)
      expect(requests()).toHaveLength(4)
    })
  })
})
