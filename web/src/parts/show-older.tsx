import { Button } from '@mantine/core'

/** Below a list that is read page by page, newest first. */
export function ShowOlder({
  pages,
}: {
  readonly pages: {
    readonly hasNextPage: boolean
    readonly isFetchingNextPage: boolean
    fetchNextPage(): unknown
  }
}) {
  if (!pages.hasNextPage) return null
  return (
    <Button
      mt="sm"
      size="xs"
      variant="default"
      loading={pages.isFetchingNextPage}
      onClick={() => void pages.fetchNextPage()}
    >
      Show older ones
    </Button>
  )
}
