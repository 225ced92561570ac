import '@mantine/spotlight/styles.css'
import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, spotlight } from '@mantine/spotlight'
import { useEffect } from 'react'
import { useLocation } from 'wouter'
import type { GroupStatus } from '../../../src/api/contract.ts'
import { links } from '../links.ts'
import { procedureNames, procedures } from '../procedures.ts'
import { destinations } from './navigation.ts'

/** Loaded when it is asked for the first time; `asked` rises with each further time. */
export function Palette({ group, asked }: { group: GroupStatus | undefined; asked: number }) {
  const [, go] = useLocation()
  const { toggleColorScheme } = useMantineColorScheme()
  useEffect(() => {
    if (asked > 0) spotlight.open()
  }, [asked])
  const pages = destinations(group?.group).map(({ label, href, about, key }) => ({
    id: href,
    label,
    description: `${about} · g ${key}`,
    onClick: () => go(href),
  }))
  const starts = group
    ? procedureNames.map((type) => ({
        id: type,
        label: `${procedures[type].title}…`,
        description: procedures[type].purpose,
        onClick: () => go(links.start(group.group, type)),
      }))
    : []
  return (
    <Spotlight
      shortcut={null}
      scrollable
      maxHeight={420}
      nothingFound="No such page or procedure."
      searchProps={{ placeholder: 'Go to a page, start a procedure', 'aria-label': 'Command' }}
      actions={[
        { group: 'Pages', actions: pages },
        { group: 'Procedures', actions: starts },
        {
          group: 'Appearance',
          actions: [
            { id: 'scheme', label: 'Switch between dark and light', onClick: toggleColorScheme },
          ],
        },
      ]}
    />
  )
}
