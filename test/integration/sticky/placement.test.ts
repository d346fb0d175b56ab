/** Localities and subsets over real sockets. */
import { respond } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { ask } from '../../helpers/clients.js'
import { serve, upstreams } from '../../helpers/serve.js'

test('requests stay in their locality, and leave it when it fails', async () => {
  const peers = await upstreams(3)
  for (const [index, peer] of peers.entries()) peer.reply(respond({ body: String(index) }))
  const localities = ['b', 'a', undefined]
  const upstream = peers.map(({ url }, index) => {
    const locality = localities[index]
    return locality === undefined ? url : { url, locality }
  })
  const { port } = await serve({ upstream }, { locality: 'a' })
  const bodies = async (count: number): Promise<string[]> => {
    const found: string[] = []
    for (let i = 0; i < count; i++) found.push((await ask(port)).body)
    return found
  }
  expect(await bodies(4)).toEqual(['1', '1', '1', '1'])
  await peers[1]?.close()
  expect((await bodies(4)).sort()).toEqual(['0', '0', '2', '2'])
})

test('a canary by a header; without one for it 502, or the others', async () => {
  const peers = await upstreams(3)
  for (const [index, peer] of peers.entries()) peer.reply(respond({ body: String(index) }))
  const versions = ['1', '1', '2']
  const upstream = peers.map(({ url }, index) => ({
    url,
    labels: { version: versions[index] ?? '' },
  }))
  const headers = { 'x-canary': '2' }
  for (const [subsetFallback, status] of [
    ['none', 502],
    ['any', 200],
  ] as const) {
    const { port } = await serve(
      { upstream },
      {
        subset: ({ headers: { 'x-canary': canary } }) =>
          typeof canary === 'string' ? { version: canary } : { version: '1' },
        subsetFallback,
      },
    )
    for (let i = 0; i < 3; i++) {
      expect((await ask(port, { headers })).body).toBe('2')
      expect(['0', '1']).toContain((await ask(port)).body)
    }
    expect((await ask(port, { headers: { 'x-canary': '3' } })).status).toBe(status)
  }
})
