/** What carries the attempts of this test run where the options name nothing. */
export const carrier = process.env['TRANSPORT'] === 'undici' ? 'undici' : 'http-proxy-3'
