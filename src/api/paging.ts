import { z } from 'zod'

/** Every list of the API is read in the same manner: page by page, each naming the next. */

export const pageQuery = (usual: number, most: number) =>
  z.object({
    cursor: z.string().min(1).optional().describe('of the page before'),
    limit: wholeNumber(1, most)
      .default(usual)
      .meta({ default: usual, description: 'most items of a page; there may be fewer' }),
  })

/** In a query. JavaScript's own reading of numbers takes an empty text for 0, and `0x10` for 16. */
export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most))
    // Described as what it means, not as the text that it comes in.
    .meta({ type: 'integer', minimum: least, maximum: most, pattern: undefined })

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    cursor: z.string().nullable().describe('for the next page; null: this is the end'),
  })
