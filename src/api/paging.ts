import { z } from 'zod'

/** Every list of the API is read in the same manner: page by page, each naming the next. */

export const pageQuery = (usual: number, most: number) =>
  z.object({
    cursor: z.string().min(1).optional().describe('of the page before'),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(most)
      .default(usual)
      .describe('most items of a page; there may be fewer'),
  })

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    cursor: z.string().nullable().describe('for the next page; null: this is the end'),
  })
