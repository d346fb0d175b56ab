/** What carries the attempts where the options name nothing else. */
import type { TransportFactory } from './transport.js'

export const defaultTransport: TransportFactory = {
  create: ({ standard }) => standard(),
}
