import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  NavLink,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react'
import { Link, useLocation, useRoute } from 'wouter'
import type { GroupStatus } from '../../../src/api/contract.ts'
import { useLive } from '../live.ts'
import { ConnectionAlert, ConnectionBadge } from './connection.tsx'
import { destinations } from './navigation.ts'
import { NoRole, SignIn } from './sign-in.tsx'
import { useGoKeys } from './use-go-keys.ts'
import { Who } from './who.tsx'

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))

export function Shell({ children }: { children: ReactNode }) {
  const [opened, { toggle, close }] = useDisclosure()
  const [asked, setAsked] = useState(0)
  const ask = () => setAsked((times) => times + 1)
  const group = useCurrentGroup()
  const [path] = useLocation()
  const places = useMemo(() => destinations(group?.group), [group?.group])
  useGoKeys(places)
  useHotkeys([['mod+K', ask]], [])
  useEffect(() => {
    close()
    window.scrollTo(0, 0)
  }, [path])
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 190, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header className="unprinted">
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger
            opened={opened}
            onClick={toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label="navigation"
          />
          <Text component={Link} href="/" fw={700} className="brand">
            Holdfast
          </Text>
          <ConnectionBadge />
          {/* Known a moment later than the rest, which stays where it is. */}
          <div style={{ marginLeft: 'auto' }}>
            <Who group={group?.group} />
          </div>
          <Button variant="default" size="xs" onClick={ask} aria-keyshortcuts="Control+K Meta+K">
            Go to…
            <Text span size="xs" c="dimmed" ml="xs" visibleFrom="sm">
              Ctrl K
            </Text>
          </Button>
          <SchemeSwitch />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="unprinted places" aria-label="pages">
        {places.map(({ label, href, key, about }) => (
          <NavLink
            key={href}
            component={Link}
            href={href}
            label={label}
            title={`${about} (g ${key})`}
            active={isUnder(path, href, places)}
            aria-current={path === href ? 'page' : undefined}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Content>{children}</Content>
      </AppShell.Main>
      {asked > 0 ? (
        <Suspense fallback={null}>
          <Palette group={group} asked={asked} />
        </Suspense>
      ) : null}
    </AppShell>
  )
}

/** The longest address that leads here is the one that is lit. */
function isUnder(path: string, href: string, places: readonly { href: string }[]): boolean {
  // The page of one object lies under the list of all: `…/object` under `…/objects`.
  const best = places
    .filter(
      (each) =>
        path === each.href ||
        `${path}s` === each.href ||
        (each.href !== '/' && path.startsWith(`${each.href}/`)),
    )
    .sort((a, b) => b.href.length - a.href.length)[0]
  return best?.href === href
}

function useCurrentGroup(): GroupStatus | undefined {
  const { status } = useLive()
  const [, params] = useRoute('/groups/:group/*?')
  return (
    status?.groups.find(({ group }) => group === params?.group) ??
    (status?.groups.length === 1 ? status.groups[0] : undefined)
  )
}

function Content({ children }: { children: ReactNode }) {
  const { connection } = useLive()
  if (connection === 'signed-out') return <SignIn />
  if (connection === 'no-role') return <NoRole />
  return (
    <>
      <ConnectionAlert />
      {children}
    </>
  )
}

function SchemeSwitch() {
  const { toggleColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  return (
    <ActionIcon
      variant="default"
      size="md"
      onClick={toggleColorScheme}
      aria-label={`Switch to ${scheme === 'dark' ? 'light' : 'dark'}`}
    >
      {scheme === 'dark' ? '☀' : '☾'}
    </ActionIcon>
  )
}
