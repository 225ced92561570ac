import { useQuery } from '@tanstack/react-query'
import type { Session } from '../../src/api/access-contract.ts'
import { type OperationKey, roleFor } from '../../src/api/permissions.ts'
import { mayAct } from '../../src/api/roles.ts'
import { api } from './api.ts'

/** Who is signed in; undefined: not known yet, or nobody. */
export function useSession(): Session | undefined {
  return useQuery({
    queryKey: ['session'],
    queryFn: ({ signal }) => api.session({ signal }),
    staleTime: 60_000,
  }).data
}

/** Why whoever is signed in may not do this; the controller refuses it in any case. */
export function useWhyNot(group: string, operation: OperationKey): string | undefined {
  const session = useSession()
  const needed = roleFor(operation)
  if (session === undefined || needed === undefined || needed === 'anyone-known') return undefined
  if (mayAct(session, group, needed)) return undefined
  return `It needs the role '${needed}' in ${group}; ask an admin.`
}
