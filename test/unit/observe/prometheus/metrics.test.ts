import { Registry } from 'prom-client'
import { collectMetrics } from 'evenkeel/prometheus'
import { fails, ok } from 'evenkeel/testing'
import { expect, it } from 'vitest'
import { rig } from '../../balancer/rig.js'
it('x', async () => {
  const r = rig({ 'a:80': fails(), 'b:80': ok() })
  const m = collectMetrics(r.balancer, { registry: new Registry() })
  await r.send({ url: '/a' })
  console.log(await m.metrics())
})
