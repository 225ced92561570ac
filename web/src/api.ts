import { QueryClient } from '@tanstack/react-query'
import { createClient } from '../../src/api/client.ts'

/** Of the controller this page came from; the session cookie speaks for it. */
export const api = createClient({ url: '' })

export const queries = new QueryClient({
  defaultOptions: {
    // What a region answered a moment ago is shown while it is asked again, and errors are shown at once.
    queries: { staleTime: 2000, retry: false, refetchOnWindowFocus: true },
  },
})

/** For a list that is read page by page. */
export const followCursors = {
  initialPageParam: {} as { cursor?: string },
  getNextPageParam: ({ cursor }: { cursor: string | null }) =>
    cursor === null ? undefined : { cursor },
}
