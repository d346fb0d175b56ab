/** `evenkeel/undici`: the fast transport. Needs the package `undici`, 7 or 8, which is yours to install. */
export { undiciTransport } from './transport/undici/undici-transport.js'
