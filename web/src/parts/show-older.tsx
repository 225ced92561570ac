import { Button } from '@mantine/core'

/** Below a list that is read page by page, newest first. */
export function ShowOlder({
  pages,
  label = 'Show older ones',
}: {
  readonly label?: string
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
      {label}
    </Button>
  )
}
