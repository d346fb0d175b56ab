/**
 * `npm run fuzz -- [cases] [seed] [requests | responses]`: half of the cases are of either kind. Default: 100,000, and
 * another seed each time. Ends with status 1 when a case has failed.
 */
import { requests, responses } from './campaigns.js'
import { runCampaign } from './campaign.js'
import type { Campaign } from './campaign.js'

const [cases = 100_000, seed = Date.now() % 1_000_000_000] = process.argv.slice(2, 4).map(Number)
const only = process.argv[4]
const LANES = 24
/** Cases between two lines that tell how far it is. */
const STEP = 10_000

const stray: unknown[] = []
process.on('uncaughtException', (error) => stray.push(error))
process.on('unhandledRejection', (error) => stray.push(error))

async function fuzz<C>(campaign: Campaign<C>): Promise<void> {
  if (only !== undefined && only !== campaign.name) return
  const result = await runCampaign(campaign, {
    cases: only === undefined ? Math.ceil(cases / 2) : cases,
    seed,
    lanes: LANES,
    progress(count) {
      if (count % STEP === 0) console.log(`${campaign.name}: ${count} cases`)
    },
    faulty: () => stray.length > 0,
  })
  const perSecond = (result.cases / result.seconds).toFixed(0)
  console.log(
    `${campaign.name}: ${result.cases} cases in ${result.seconds.toFixed(1)} s ` +
      `(${perSecond} a second), seed ${seed}: ${result.failure === undefined ? 'good' : 'FAILED'}`,
  )
  if (result.failure === undefined) return
  console.error(result.failure)
  process.exitCode = 1
}

await fuzz(requests)
await fuzz(responses)
if (stray.length > 0) {
  console.error('thrown where nobody catches:', ...stray)
  process.exitCode = 1
}
