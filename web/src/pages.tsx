import { type ComponentType, lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import type { GroupStatus } from '../../src/api/contract.ts'
import { useLive } from './live.ts'
import { Overview } from './pages/overview.tsx'
import { Empty, Loading } from './parts/states.tsx'

/** Every page of a group but the first is loaded when it is opened. */
export interface GroupPageProps {
  readonly group: GroupStatus
  readonly params: Readonly<Record<string, string | undefined>>
}

const page = (load: () => Promise<ComponentType<GroupPageProps>>) =>
  lazy(async () => ({ default: await load() }))

const groupPages: Readonly<Record<string, ComponentType<GroupPageProps>>> = {
  '/groups/:group': page(async () => (await import('./pages/group.tsx')).GroupPage),
  '/groups/:group/objects': page(async () => (await import('./pages/objects.tsx')).ObjectsPage),
  '/groups/:group/object': page(async () => (await import('./pages/object.tsx')).ObjectPage),
  '/groups/:group/runs': page(async () => (await import('./pages/runs.tsx')).RunsPage),
  '/groups/:group/run': page(async () => (await import('./pages/run.tsx')).RunPage),
  '/groups/:group/endpoints': page(
    async () => (await import('./pages/endpoints.tsx')).EndpointsPage,
  ),
  '/groups/:group/settings': page(async () => (await import('./pages/settings.tsx')).SettingsPage),
  '/groups/:group/readiness': page(
    async () => (await import('./pages/readiness.tsx')).ReadinessPage,
  ),
  '/groups/:group/conflicts': page(
    async () => (await import('./pages/conflicts.tsx')).ConflictsPage,
  ),
  '/groups/:group/drift': page(async () => (await import('./pages/drift.tsx')).DriftPage),
  '/groups/:group/drills': page(async () => (await import('./pages/drills.tsx')).DrillsPage),
  '/groups/:group/topology': page(async () => (await import('./pages/topology.tsx')).TopologyPage),
  '/groups/:group/plan': page(async () => (await import('./pages/plan.tsx')).PlanPage),
  '/groups/:group/jobs': page(async () => (await import('./pages/jobs.tsx')).JobsPage),
  '/groups/:group/start/:type': page(async () => (await import('./pages/start.tsx')).StartPage),
  '/groups/:group/decisions': page(
    async () => (await import('./pages/decisions.tsx')).DecisionsPage,
  ),
  '/groups/:group/audit': page(async () => (await import('./pages/audit.tsx')).AuditPage),
  '/groups/:group/operations': page(
    async () => (await import('./pages/operations.tsx')).OperationsPage,
  ),
}
const OperationPage = lazy(async () => ({
  default: (await import('./pages/operation.tsx')).OperationPage,
}))

export function Pages() {
  return (
    <Suspense fallback={<Loading what="the page" />}>
      <Switch>
        <Route path="/" component={Overview} />
        {Object.entries(groupPages).map(([path, Page]) => (
          <Route key={path} path={path}>
            {(params) => <OfGroup Page={Page} params={params as GroupPageProps['params']} />}
          </Route>
        ))}
        <Route path="/operations/:id">
          {(params) => <OperationPage key={params.id} id={params.id ?? ''} />}
        </Route>
        <Route>
          <Empty title="There is no such page" text="Choose one from the navigation." />
        </Route>
      </Switch>
    </Suspense>
  )
}

function OfGroup({
  Page,
  params,
}: {
  Page: ComponentType<GroupPageProps>
  params: GroupPageProps['params']
}) {
  const { status } = useLive()
  if (!status) return <Loading what="the controller" />
  const group = status.groups.find((each) => each.group === params.group)
  if (group) return <Page group={group} params={params} />
  return (
    <Empty
      title={`There is no failover group '${params.group}' here`}
      text={`This controller protects ${status.groups.map((each) => each.group).join(', ')}.`}
    />
  )
}
