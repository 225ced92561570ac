import { z } from 'zod'

/** What each workspace of a group depends on; part of the HTTP API's schemas. */

export const dependencyCategories = ['storage', 'vault', 'registry', 'insights', 'compute'] as const

const resource = z.object({
  name: z.string(),
  /** ARM id, where it is a resource of its own. */
  id: z.string().nullable(),
})

export const dependency = z.object({
  category: z.enum(dependencyCategories),
  source: resource.nullable(),
  target: resource.nullable(),
  relation: z
    .enum(['each', 'shared', 'missing', 'only-target', 'unknown'])
    .describe(
      'each: both have their own; shared: both use one, which may fail with its region; missing: only the primary has it; unknown: a side could not be read',
    ),
  /** Whether passes copy what it holds. */
  copied: z.boolean(),
})

const end = z.object({
  member: z.string(),
  workspace: z.string(),
  region: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})

export const topology = z.object({
  source: end,
  target: end,
  dependencies: z.array(dependency),
  readAt: z.string(),
})

export type Dependency = z.infer<typeof dependency>
export type Topology = z.infer<typeof topology>
