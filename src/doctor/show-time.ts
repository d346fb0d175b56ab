/** Times as reports show them: UTC, which is the same on every machine. */

/** `2026-11-12 10:11:12.345 UTC`, without the milliseconds where there are none. */
export function dayTime(time: number): string {
  if (!Number.isFinite(time) || Math.abs(time) > 8.64e15) return '-'
  const [day = '', rest = ''] = new Date(time).toISOString().split('T')
  return `${day} ${rest.replace(/(?:\.000)?Z$/, '')} UTC`
}

/** `10:11:12.345` */
export function clockTime(time: number): string {
  return dayTime(time).split(' ')[1] ?? '-'
}

/** `12.3 s`, `4 min 5 s`, `2 h 3 min` */
export function durationText(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}
