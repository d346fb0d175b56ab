/** Says which Node runs the tests. */
export function setup(): void {
  process.stdout.write(`testing on node ${process.version}\n`)
}
