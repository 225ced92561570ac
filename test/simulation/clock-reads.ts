/** When a clock that may be wrong really said what it said. */
export interface ClockReads {
  note(said: Date, really: number): void
  /** The earliest real time at which some controller's clock said so; undefined: none did. */
  really(said: string): number | undefined
}

export function createClockReads(): ClockReads {
  const times = new Map<number, number>()
  return {
    note: (said, really) => {
      const known = times.get(said.getTime())
      if (known === undefined || really < known) times.set(said.getTime(), really)
    },
    really: (said) => times.get(Date.parse(said)),
  }
}
