import { setFlagsFromString } from 'node:v8'

/**
 * How much the heap may grow beyond what lives before the collector looks again, in percent. Left to
 * itself the engine waits for up to four times of it on a machine with much memory: a pass that keeps
 * 70 MB alive stood at 320 MB beside whatever else runs on the controller's machine.
 */
const growthPercent = 50

/** For the rest of the process; to be called before there is a heap to speak of. */
export function growHeapSlowly(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`)
}
