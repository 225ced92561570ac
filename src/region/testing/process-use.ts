import { readFileSync } from 'node:fs'

/** What a process has used, as its kernel tells. */
export interface ProcessUse {
  readonly nowMb: number
  /** The most it ever had. */
  readonly peakMb: number
  /** What other load on the machine does not change. */
  readonly cpuMs: number
}

/** Undefined where the system does not tell. */
export function processUse(pid: number): ProcessUse | undefined {
  if (process.platform !== 'linux') return undefined
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string) =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1000
  // Behind the name, which may hold anything: user and system time in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10
  return { nowMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM'), cpuMs }
}
