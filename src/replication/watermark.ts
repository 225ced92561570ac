/**
 * Where a cheap pass over run history starts. Changes that happen while a pass walks from experiment
 * to experiment carry later stamps than anything that existed when it began; so the next pass starts
 * at the newest stamp the pass *before* had seen, by the source's own clock, and looks at the few
 * runs of one pass twice rather than miss one.
 */
export interface Watermark {
  /** Start of the next pass; undefined: from the beginning. */
  readonly since: string | undefined
  /** Newest stamp seen in the pass that wrote this. */
  readonly seen: string | undefined
}

export function parseWatermark(text: string | null | undefined): Watermark {
  const [since, seen] = (text ?? '').split('|')
  return { since: since || undefined, seen: seen || undefined }
}

export function formatWatermark({ since, seen }: Watermark): string {
  return `${since ?? ''}|${seen ?? ''}`
}
