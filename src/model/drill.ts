import { createHash } from 'node:crypto'
import type { JsonObject } from './json.ts'
import type { ObjectId } from './object-id.ts'

/** Tag of everything a drill makes that can have tags; its value is the id of the drill's run. */
export const drillTag = 'holdfast.drill'
/** Runs of rehearsed jobs stand apart in it; replication leaves the experiment where it is. */
export const drillExperiment = 'holdfast-drill'
/** Everything a rehearsed job writes goes below this path of the default datastore. */
const drillFolder = 'holdfast-drill/'
const longestName = 32

/** Begins all names of one drill; the same for the same run (I2). */
export function drillPrefix(run: string): string {
  return `drill-${hash(run, 6)}-`
}

export function drillPath(run: string): string {
  return `${drillFolder}${drillPrefix(run)}/`
}

/** Azure takes 32 characters for an endpoint; what does not fit is told apart by its hash. */
export function drillName(run: string, name: string): string {
  const whole = drillPrefix(run) + name
  if (whole.length <= longestName) return whole
  const kept = whole.slice(0, longestName - 7).replace(/-+$/, '')
  return `${kept}-${hash(name, 6)}`
}

/** Folder of the logs that the service keeps of one job, in `workspaceartifactstore`. */
export function jobLogPath(job: string): string {
  return `ExperimentRun/dcid.${job}/`
}

/** Replication, capture and traffic leave it alone, whichever side it stands on. */
export function isDrillObject({ path }: ObjectId, body: JsonObject): boolean {
  return namedByDrill.test(path[0] ?? '') && drillOf(body) !== undefined
}

/** Id of the drill that made it; undefined: none did. */
function drillOf(body: JsonObject): string | undefined {
  const inner = body.properties as JsonObject | undefined
  const found = [body.tags, inner?.tags].map((tags) => (tags as JsonObject | undefined)?.[drillTag])
  return found.find((value) => typeof value === 'string')
}

export function isDrillBlob(store: string, name: string): boolean {
  return store === 'workspaceartifactstore'
    ? /^ExperimentRun\/dcid\.drill-[0-9a-f]{6}-/.test(name)
    : store === 'workspaceblobstore' && name.startsWith(drillFolder)
}

const namedByDrill = /^drill-[0-9a-f]{6}-/

function hash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
