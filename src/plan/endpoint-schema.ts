import { z } from 'zod'
import { address, checked, cloud, duration, name, repository, variable } from './plan-fields.ts'

/** Becomes part of configurations of other programs. */
const word = checked(
  'bad-name',
  'Use letters, digits, hyphens and underscores.',
  (text) => /^[\w-]{1,64}$/.test(text),
  (text) => `'${text}' cannot name an endpoint.`,
)

/** What each member is called there; that every member has a line is checked in `plan-checks.ts`. */
const membersCalled = z.record(
  z.string(),
  checked(
    'bad-name',
    'Write a name, or host:port, without blanks, quotes and semicolons.',
    (text) => /^[^\s"';{}@$]+$/.test(text),
    (text) => `'${text}' cannot be what a member is called there.`,
  ),
)

const command = z.array(name).min(1)

/** A request from outside that proves where the endpoint leads, and how long that may take. */
const probed = {
  probe: address,
  ca: name.optional(),
  within: duration(1).default(30_000),
}

/** `NAME` stands for any one name. */
function armId(provider: string) {
  const pattern = provider.replaceAll('/', '\\/').replaceAll('NAME', '[^/?#]+')
  const id = new RegExp(`^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/${pattern}$`, 'i')
  return checked(
    'bad-arm-id',
    `Write /subscriptions/…/resourceGroups/…/providers/${provider}.`,
    (text) => id.test(text),
    (text) => `'${text}' is not the ARM id of such a resource.`,
  )
}

/** Services of Azure can only be asked for their settings, unless a request shows who answers. */
const azureTraffic = {
  members: membersCalled,
  others: z.enum(['disabled', 'standby']).default('disabled'),
  cloud,
  probe: address.optional(),
  header: name.default('x-holdfast-member'),
  answers: z.record(z.string(), name).optional(),
  ca: name.optional(),
  within: duration(1).default(60_000),
}

/**
 * The entries below `endpoints:`. Each kind is known by its first key. `token` and the like are names
 * of environment variables (I9); `members` says what each member is called over there.
 */
const kinds = {
  workspaceConfig: z.strictObject({ workspaceConfig: name }),
  workspaceConfigGit: z.strictObject({
    workspaceConfigGit: repository,
    file: name.default('config.json'),
    branch: name.default('main'),
    token: variable.optional(),
  }),
  workspaceConfigBlob: z.strictObject({ workspaceConfigBlob: address, cloud }),
  gateway: z.strictObject({
    gateway: name,
    match: name.default('*'),
    listen: checked(
      'bad-listen',
      'Write host:port, for example 127.0.0.1:8080; port 0 takes a free one.',
      (text) =>
        /^(\[[0-9a-f:]+\]|[^:/\s]+):\d{1,5}$/i.test(text) &&
        Number(text.split(':').at(-1)) < 65_536,
      (text) => `'${text}' is not an address to listen on.`,
    ).default('127.0.0.1:8443'),
    balance: z.enum(['primary', 'all']).default('primary'),
    maxInFlight: z.int().positive().default(10_000),
  }),
  haproxy: z.strictObject({
    haproxy: word,
    socket: name,
    map: name,
    members: membersCalled.optional(),
    ...probed,
  }),
  nginx: z.strictObject({
    nginx: word,
    snippet: name,
    members: membersCalled,
    test: command.default(['nginx', '-t']),
    reload: command.default(['nginx', '-s', 'reload']),
    ...probed,
  }),
  frontDoor: z.strictObject({
    frontDoor: armId('Microsoft.Cdn/profiles/NAME/originGroups/NAME'),
    ...azureTraffic,
  }),
  trafficManager: z.strictObject({
    trafficManager: armId('Microsoft.Network/trafficManagerProfiles/NAME'),
    ...azureTraffic,
  }),
  apiManagement: z.strictObject({
    apiManagement: armId('Microsoft.ApiManagement/service/NAME/backends/NAME'),
    ...azureTraffic,
  }),
  dns: z.strictObject({
    dns: armId('Microsoft.Network/(dnsZones|privateDnsZones)/NAME/(CNAME|A)/NAME'),
    members: membersCalled,
    resolver: checked(
      'bad-resolver',
      'Write the IP address of a name server, with :port if it is not 53.',
      (text) => /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5})?$/i.test(text),
      (text) => `'${text}' is not the address of a name server.`,
    ).optional(),
    cloud,
    within: duration(1).default(60_000),
  }),
  appConfiguration: z.strictObject({
    appConfiguration: address,
    key: name.default('holdfast/workspace'),
    label: name.optional(),
    cloud,
  }),
  github: z.strictObject({
    github: checked(
      'bad-repository',
      'Write owner/repository.',
      (text) => /^[\w.-]+\/[\w.-]+$/.test(text),
      (text) => `'${text}' is not a repository.`,
    ),
    variable: word.default('HOLDFAST_WORKSPACE'),
    environment: name.optional(),
    token: variable.default('GITHUB_TOKEN'),
    api: address.default('https://api.github.com'),
  }),
  azureDevOps: z.strictObject({
    azureDevOps: address,
    group: z.int().positive(),
    token: variable.default('AZURE_DEVOPS_TOKEN'),
  }),
  kubernetes: z.strictObject({
    kubernetes: checked(
      'bad-config-map',
      'Write namespace/name.',
      (text) => /^[a-z0-9-]+\/[a-z0-9.-]+$/.test(text),
      (text) => `'${text}' is not the name of a config map.`,
    ),
    server: address.default('https://kubernetes.default.svc'),
    token: variable.optional(),
    ca: name.optional(),
  }),
} as const

export type EndpointKind = keyof typeof kinds
export const endpointKinds = Object.keys(kinds) as EndpointKind[]

/** In the order of `endpointKinds`: mistakes are reported of the branch that was meant. */
export const endpointBranches = Object.values(kinds)

export type EndpointDocument = { [K in EndpointKind]: z.output<(typeof kinds)[K]> }[EndpointKind]

/** An entry as the plan has it: `type` and `name` in place of its first key. */
export type StableEndpointPlan =
  | { readonly type: 'workspaceConfig'; readonly path: string }
  | {
      [K in Exclude<EndpointKind, 'workspaceConfig'>]: {
        readonly type: K
        readonly name: string
      } & Readonly<Omit<z.output<(typeof kinds)[K]>, K>>
    }[Exclude<EndpointKind, 'workspaceConfig'>]

/** Which kind an entry is; undefined: none that is known. */
export function kindOf(entry: unknown): EndpointKind | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  return endpointKinds.find((kind) => Object.hasOwn(entry, kind))
}

export function keysOfEndpoint(entry: unknown): readonly string[] {
  const kind = kindOf(entry)
  return kind === undefined ? endpointKinds : Object.keys(kinds[kind].shape)
}

export function toEndpoint(document: EndpointDocument): StableEndpointPlan {
  if ('workspaceConfig' in document) {
    return { type: 'workspaceConfig', path: document.workspaceConfig }
  }
  const kind = kindOf(document) as Exclude<EndpointKind, 'workspaceConfig'>
  const { [kind]: first, ...rest } = document as Record<string, unknown>
  return { type: kind, name: first, ...rest } as StableEndpointPlan
}
