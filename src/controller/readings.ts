import type {
  ObjectDetail,
  Outage,
  OutagesPage,
  RunComparison,
  RunsPage,
  Settings,
  StableEndpointsView,
} from '../api/detail-contract.ts'
import type { Topology } from '../api/topology-contract.ts'
import { endpointViews } from './endpoint-views.ts'
import { type PageAsked, pageAfter } from './list-pages.ts'
import { objectDetail } from './object-detail.ts'
import { listOutages, switchOutage } from './outages.ts'
import type { ProtectedGroup } from './protected-group.ts'
import { compareRun, runsOf } from './run-detail.ts'
import { topologyOf } from './topology.ts'

/** What is asked of the members and the stable endpoints when somebody looks. */
export interface Readings {
  object(group: string, id: string): Promise<ObjectDetail>
  runs(
    group: string,
    query: PageAsked & { readonly member?: string | undefined },
  ): Promise<RunsPage>
  compareRun(group: string, run: string): Promise<RunComparison>
  endpoints(group: string, page: PageAsked): Promise<StableEndpointsView>
  settings(group: string): Promise<Settings>
  topology(group: string): Promise<Topology>
  outages(group: string, page: PageAsked): Promise<OutagesPage>
  setOutage(group: string, member: string, down: boolean): Promise<Outage>
}

/** How this controller was started. */
export type RunningWith = Pick<Settings, 'version' | 'syncEveryMs' | 'probeEveryMs' | 'database'>

export function readings(
  group: ProtectedGroup,
  check: (name: string) => void,
  running: RunningWith,
): Readings {
  const checked =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (name: string, ...args: A): Promise<R> => {
      check(name)
      return work(...args)
    }
  return {
    object: checked((id: string) => objectDetail(group, id)),
    runs: checked((query) => runsOf(group, query)),
    compareRun: checked((run: string) => compareRun(group, run)),
    endpoints: checked(async (page) => ({
      ...pageAfter(await endpointViews(group), ({ name }) => name, page),
      readAt: group.clock().toISOString(),
    })),
    settings: checked(async () => settingsOf(group, running)),
    topology: checked(() => topologyOf(group)),
    outages: checked(async (page) =>
      pageAfter(await listOutages(group), ({ member }) => member, page),
    ),
    setOutage: checked((member: string, down: boolean) => switchOutage(group, member, down)),
  }
}

/** Names what is there; addresses of databases, tokens and other secrets are not (I9). */
function settingsOf({ plan }: ProtectedGroup, running: RunningWith): Settings {
  const { objectives, map, jobs, decide, drill } = plan
  return {
    ...running,
    ...{ objectives, map: copied(map), resubmit: jobs.resubmit, drillEveryMs: drill.everyMs },
    automatic: decide.automatic,
    graceMs: decide.graceMs,
    cooldownMs: decide.cooldownMs,
    members: plan.members.map(({ name, workspace, role, cloud, mlflow }) => ({
      ...{ name, workspace, role },
      cloud: mlflow !== undefined ? 'MLflow server' : /[/\\]/.test(cloud) ? 'local region' : cloud,
    })),
    strategies: plan.strategies.map(({ kind, name, strategy }) => ({
      ...{ kind, strategy },
      name: name ?? null,
    })),
    endpoints: plan.endpoints.map((entry) => ({
      type: entry.type,
      name: 'name' in entry ? entry.name : entry.path,
    })),
  }
}

const copied = (map: ProtectedGroup['plan']['map']): Settings['map'] =>
  Object.fromEntries(Object.entries(map).map(([category, names]) => [category, { ...names }]))
