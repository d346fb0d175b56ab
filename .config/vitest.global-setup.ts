/** Says which Node runs the tests: .ci/run reads this line to be sure that it is the one it asked for. */
export function setup(): void {
  process.stdout.write(`testing on node ${process.version}\n`)
}
