/** Addresses of the console's pages. Each names all that the page shows, so that it can be sent to somebody. */
const inGroup = (group: string, page: string) => `/groups/${encodeURIComponent(group)}${page}`
const query = (values: Record<string, string | undefined>) => {
  const given = Object.entries(values).filter((e): e is [string, string] => Boolean(e[1]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

export const links = {
  group: (group: string) => inGroup(group, ''),
  objects: (group: string, filter: { kind?: string; state?: string; name?: string } = {}) =>
    inGroup(group, `/objects${query(filter)}`),
  /** Ids hold slashes and percent signs, so they travel as a parameter. */
  object: (group: string, id: string) => inGroup(group, `/object${query({ id })}`),
  readiness: (group: string) => inGroup(group, '/readiness'),
  conflicts: (group: string) => inGroup(group, '/conflicts'),
  drift: (group: string) => inGroup(group, '/drift'),
  drills: (group: string) => inGroup(group, '/drills'),
  plan: (group: string) => inGroup(group, '/plan'),
  jobs: (group: string) => inGroup(group, '/jobs'),
  endpoints: (group: string) => inGroup(group, '/endpoints'),
  runs: (group: string) => inGroup(group, '/runs'),
  run: (group: string, run: string) => inGroup(group, `/run${query({ id: run })}`),
  start: (group: string, type: string) => inGroup(group, `/start/${type}`),
  operations: (group: string, type?: string) => inGroup(group, `/operations${query({ type })}`),
  decisions: (group: string) => inGroup(group, '/decisions'),
  audit: (group: string, filter: { actor?: string; action?: string; within?: string } = {}) =>
    inGroup(group, `/audit${query(filter)}`),
  operation: (id: string) => `/operations/${encodeURIComponent(id)}`,
  topology: (group: string) => inGroup(group, '/topology'),
  settings: (group: string) => inGroup(group, '/settings'),
}
