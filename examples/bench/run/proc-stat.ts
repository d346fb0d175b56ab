/** What Linux says about a process: CPU time, memory, children. See proc(5). */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** User and system time of /proc/<pid>/stat, in clock ticks: fields 14 (utime) and 15 (stime). */
export function ticksOf(stat: string): number {
  // The name in field 2 may hold blanks and parentheses: what follows the last one begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  if (!Number.isInteger(ticks)) throw new Error(`not a line of /proc/<pid>/stat: '${stat}'`)
  return ticks
}

/** VmHWM of /proc/<pid>/status, the largest resident set so far, in kB. */
export function peakOf(status: string): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error('no VmHWM in /proc/<pid>/status')
  return Number(kilobytes)
}

/** The children's process ids of /proc/<pid>/task/<pid>/children. */
export function childrenOf(text: string): number[] {
  return text.split(' ').filter(Boolean).map(Number)
}

/** Clock ticks a second. */
export function clockTicks(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
}

/** The process and what it started, e.g. nginx's master and its worker. */
function familyOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...childrenOf(text).flatMap(familyOf)]
}

function sum(pid: number, file: string, parse: (text: string) => number): number {
  return familyOf(pid)
    .map((member) => parse(readFileSync(`/proc/${member}/${file}`, 'utf8')))
    .reduce((total, value) => total + value, 0)
}

/** Clock ticks that the process and its children have used so far. */
export function ticksUsedBy(pid: number): number {
  return sum(pid, 'stat', ticksOf)
}

/** kB; pages that parent and child share are counted in both. */
export function peakMemoryOf(pid: number): number {
  return sum(pid, 'status', peakOf)
}

/** Ticks of /proc/stat's first line. */
export interface MachineTicks {
  /** In processes: user, nice and system. Work in interrupts is nobody's. */
  readonly busy: number
  /** Taken by the hypervisor for somebody else. */
  readonly stolen: number
}

export function machineTicksOf(stat: string): MachineTicks {
  const numbers = /^cpu +([\d ]+)$/m.exec(stat)?.[1]?.split(' ').map(Number)
  if (numbers === undefined) throw new Error('no cpu line in /proc/stat')
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = numbers
  return { busy: user + nice + system, stolen }
}

/** Time of a process and of its children that have ended: fields 14 to 17 of /proc/<pid>/stat. */
export function ticksWithEnded(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((total, field) => total + Number(field), 0)
}

/** Ticks that were not ours: of processes that `pids` and this one did not start, and of the hypervisor. */
export function foreignTicks(pids: readonly number[]): number {
  const { busy, stolen } = machineTicksOf(readFileSync('/proc/stat', 'utf8'))
  const ours = pids.map(ticksUsedBy).reduce((total, ticks) => total + ticks, 0)
  return busy + stolen - ours - ticksWithEnded(readFileSync('/proc/self/stat', 'utf8'))
}
