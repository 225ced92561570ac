import { z } from 'zod'

export const notifyTest = z.object({ channel: z.string().max(100).optional() })

export const notifyTestResult = z.object({
  channel: z.string(),
  taken: z.boolean(),
  error: z.string().nullable(),
})
export const notifyTestResults = z.object({ items: z.array(notifyTestResult) })

export type NotifyTestResult = z.infer<typeof notifyTestResult>
