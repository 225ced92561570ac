const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `15m`, `1.5h`, `90d` in milliseconds; undefined when the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  if (!match?.[1] || !match[2]) return undefined
  const durationMs = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  return Number.isSafeInteger(Math.round(durationMs)) ? Math.round(durationMs) : undefined
}

/** The shortest text that `parseDuration` reads back: `15m`, `90s`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (durationMs !== 0 && durationMs % unitMs[unit] === 0)
      return `${durationMs / unitMs[unit]}${unit}`
  }
  return `${durationMs}ms`
}
