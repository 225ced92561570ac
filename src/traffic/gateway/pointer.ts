import { z } from 'zod'

/**
 * The file a gateway follows. The controller writes it, the gateway only reads it; it may hold
 * endpoint keys, so nobody but the owner may read it (mode 0600, I9).
 */
const endpointRoute = z.object({
  scoringUri: z.url({ protocol: /^https?$/ }),
  /** Keys in the service's order (primary, secondary); empty: callers bring a token. */
  keys: z.array(z.string().min(1)).default([]),
})

const memberRoute = z.object({
  /** Base of data-plane addresses, without trailing slash. */
  apiOrigin: z.url({ protocol: /^https?$/ }),
  /** ARM id of the workspace. */
  workspaceId: z.string().regex(/^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/.+[^/]$/i),
  /** PEM of the member's CA; relative to the pointer file, or absolute. Absent: public ones. */
  caPath: z.string().min(1).optional(),
  endpoints: z.record(z.string(), endpointRoute).default({}),
})

const gatewayPointer = z
  .object({
    version: z.literal(1),
    /** Failover group: the stable name in `/mlflow/v1.0/{group}`. */
    group: z.string().min(1),
    epoch: z.int().nonnegative(),
    /** The effective primary. */
    active: z.string().min(1),
    members: z.record(z.string(), memberRoute),
    /** Endpoints whose requests may be sent twice, so either side may answer (hot-hot). */
    repeatable: z.array(z.string()).default([]),
    /** Whether all members share the requests of those, instead of the active one getting all. */
    balanced: z.boolean().default(false),
  })
  .refine((pointer) => pointer.members[pointer.active] !== undefined, {
    message: 'the active member is not among the members',
    path: ['active'],
  })

export type MemberRoute = z.infer<typeof memberRoute>
export type GatewayPointer = z.infer<typeof gatewayPointer>

export type ParsedPointer =
  | { readonly ok: true; readonly pointer: GatewayPointer }
  | { readonly ok: false; readonly problem: string }

/** Says what is wrong by field, never by value: values may be keys. */
export function parsePointer(text: string): ParsedPointer {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, problem: 'it is not JSON' }
  }
  const parsed = gatewayPointer.safeParse(value)
  if (parsed.success) return { ok: true, pointer: parsed.data }
  const [issue] = parsed.error.issues
  return { ok: false, problem: `${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'invalid'}` }
}
