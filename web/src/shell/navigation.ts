import { links } from '../links.ts'

export interface Destination {
  readonly label: string
  readonly href: string
  /** Pressed after `g`. */
  readonly key: string
  readonly about: string
}

/** What can be reached from everywhere; the sidebar, the keys and the palette are made of it. */
export function destinations(group: string | undefined): Destination[] {
  const overview = {
    label: 'Overview',
    href: '/',
    key: 'o',
    about: 'All groups, and what needs you',
  }
  if (group === undefined) return [overview]
  return [
    overview,
    { label: 'Group', href: links.group(group), key: 'g', about: 'Members, procedures, counts' },
    {
      label: 'Readiness',
      href: links.readiness(group),
      key: 'a',
      about: 'Would a failover work now, and what stands in the way',
    },
    {
      label: 'Topology',
      href: links.topology(group),
      key: 't',
      about: 'What each workspace depends on',
    },
    { label: 'Objects', href: links.objects(group), key: 'b', about: 'Everything that is copied' },
    {
      label: 'Conflicts',
      href: links.conflicts(group),
      key: 'c',
      about: 'What both sides changed, to be decided',
    },
    {
      label: 'Drift',
      href: links.drift(group),
      key: 'f',
      about: 'What somebody changed at the secondary',
    },
    { label: 'Runs', href: links.runs(group), key: 'r', about: 'Run history of both sides' },
    { label: 'Plan', href: links.plan(group), key: 'p', about: 'What a sync would do now' },
    { label: 'Jobs', href: links.jobs(group), key: 'j', about: 'Open jobs, old and new' },
    {
      label: 'Endpoints',
      href: links.endpoints(group),
      key: 'e',
      about: 'Whom stable endpoints lead to',
    },
    { label: 'Operations', href: links.operations(group), key: 'h', about: 'History and reports' },
    {
      label: 'Drills',
      href: links.drills(group),
      key: 'd',
      about: 'Rehearsals: past, due, measured against the objectives',
    },
    {
      label: 'Decisions',
      href: links.decisions(group),
      key: 'i',
      about: 'Signals, rules, who decided what; pause and acknowledge',
    },
    {
      label: 'Audit',
      href: links.audit(group),
      key: 'u',
      about: 'Who did what, and whether the log is whole',
    },
    {
      label: 'Settings',
      href: links.settings(group),
      key: 's',
      about: 'What the controller runs with',
    },
  ]
}
