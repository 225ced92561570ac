import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useEffect } from 'react'
import { Link } from 'wouter'

/** Title of a page, its place and what can be done there. */
export function Heading({
  title,
  text,
  trail = [],
  children,
}: {
  title: string
  text?: string
  trail?: readonly (readonly [label: string, href: string])[]
  children?: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} · Holdfast`
  }, [title])
  return (
    <Stack gap={2} mb="md">
      {trail.length > 0 ? (
        <Breadcrumbs separatorMargin={6}>
          {trail.map(([label, href]) => (
            <Anchor key={href} component={Link} href={href} size="sm">
              {label}
            </Anchor>
          ))}
        </Breadcrumbs>
      ) : null}
      <Group justify="space-between" align="center">
        <Title order={1} size="h3" style={{ overflowWrap: 'anywhere' }}>
          {title}
        </Title>
        {children ? <Group gap="xs">{children}</Group> : null}
      </Group>
      {text ? <Text c="dimmed">{text}</Text> : null}
    </Stack>
  )
}
