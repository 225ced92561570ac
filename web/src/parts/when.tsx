import { Text } from '@mantine/core'
import { useNow } from '../live.ts'
import { ago, moment } from './format.ts'

/** Relative for the eye, absolute with its zone for the record. */
export function When({ at }: { at: string }) {
  const now = useNow()
  return (
    <Text span size="sm" className="steady" title={moment(at)}>
      <time dateTime={at}>{ago(at, now)}</time>
    </Text>
  )
}
