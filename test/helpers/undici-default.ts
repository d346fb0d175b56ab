/** In place of src/transport/default-transport.ts, where all tests run over undici. */
import { undiciTransport } from 'evenkeel/undici'

export const defaultTransport = undiciTransport()
