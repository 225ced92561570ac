/** Calls of one operation, by status. */
export type Counts = ReadonlyMap<string, ReadonlyMap<number, number>>

/** From the events that schemathesis writes, one JSON document a line. */
export function countsOf(events: string): Counts {
  const counts = new Map<string, Map<number, number>>()
  for (const line of events.split('\n')) {
    if (!line.includes('"ScenarioFinished"')) continue
    const { ScenarioFinished: scenario } = JSON.parse(line) as ScenarioLine
    const { cases = {}, interactions = {} } = scenario.recorder
    for (const [id, { value }] of Object.entries(cases)) {
      const response = interactions[id]?.response
      if (!response) continue
      const { method, path } = value
      const name = `${method.toUpperCase()} ${path}`
      const statuses = counts.get(name) ?? new Map<number, number>()
      statuses.set(response.status_code, (statuses.get(response.status_code) ?? 0) + 1)
      counts.set(name, statuses)
    }
  }
  return counts
}

interface ScenarioLine {
  readonly ScenarioFinished: {
    readonly recorder: {
      readonly cases?: Readonly<Record<string, { value: { method: string; path: string } }>>
      readonly interactions?: Readonly<
        Record<string, { response?: { status_code: number } | null }>
      >
    }
  }
}
