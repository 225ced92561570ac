import { z } from 'zod'
import type { PlanMember } from './continuity-plan.ts'
import { address, checked, cloud, name, variable } from './plan-fields.ts'

const workspaceId =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/[^/]+$/i

const role = z.enum(['primary', 'secondary']).default('secondary')

/** What a member is signed in with: names of environment variables, never the secrets (I9). */
const auths = {
  token: z.strictObject({ token: variable }),
  user: z.strictObject({ username: variable, password: variable }),
}

/** Each kind of member is known by its first key. */
const services = {
  workspace: z.strictObject({
    workspace: checked(
      'bad-arm-id',
      'Copy the id with `az ml workspace show --query id`; it looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/….',
      (text) => workspaceId.test(text),
      (text) => `'${text}' is not the ARM id of a workspace.`,
    ),
    role,
    cloud,
  }),
  mlflow: z.strictObject({
    mlflow: address,
    role,
    auth: z.union([auths.token, auths.user]).optional(),
    artifacts: name.optional(),
    ca: name.optional(),
  }),
}

export type MemberService = keyof typeof services
const memberServices = Object.keys(services) as MemberService[]
export const memberBranches = Object.values(services)

type MemberDocument = z.output<(typeof services)[MemberService]>

/** Which service a member is of; undefined: it says none. */
export function serviceOf(member: unknown): MemberService | undefined {
  if (typeof member !== 'object' || member === null) return undefined
  return memberServices.find((service) => Object.hasOwn(member, service))
}

export function keysOfMember(member: unknown): readonly string[] {
  const service = serviceOf(member)
  return service === undefined ? memberServices : Object.keys(services[service].shape)
}

export function keysOfAuth(): readonly string[] {
  return Object.values(auths).flatMap(({ shape }) => Object.keys(shape))
}

/** Place of the branch whose mistakes count: the one that was meant. */
export function meantMember(member: unknown): number {
  return memberServices.indexOf(serviceOf(member) ?? 'workspace')
}

export function meantAuth(auth: unknown): number {
  return typeof auth === 'object' && auth !== null && 'token' in auth ? 0 : 1
}

export function toMember(called: string, document: MemberDocument): PlanMember {
  if ('workspace' in document) return { name: called, ...document }
  const { mlflow, role: written, auth, artifacts, ca } = document
  return {
    name: called,
    workspace: mlflow,
    role: written,
    cloud: 'none',
    mlflow: {
      ...(auth === undefined ? {} : { auth }),
      ...(artifacts === undefined ? {} : { artifacts }),
      ...(ca === undefined ? {} : { ca }),
    },
  }
}
