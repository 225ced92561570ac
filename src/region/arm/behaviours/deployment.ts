import { createHash, randomUUID } from 'node:crypto'
import {
  type ArmResource,
  AzureError,
  type Caller,
  type KindBehaviour,
  type RegionContext,
} from '../../context.ts'
import { idKey } from '../arm-path.ts'
import type { ArmService } from '../arm-service.ts'
import { asRecord, asText, type Document } from '../document.ts'
import type { DeploymentPlace } from '../template/deployment-place.ts'
import {
  NotYetDeployed,
  type PlannedResource,
  planTemplate,
  resolveParameters,
  type TemplatePlan,
} from '../template/template.ts'
import { templateError } from '../template/template-error.ts'

const type = 'Microsoft.Resources/deployments'

/**
 * Template deployments: what a template says is written resource by resource, each as if its owner
 * had PUT it, so kinds validate as always. Mode `Incremental` alone: nothing is ever deleted (I3).
 */
export function deploymentBehaviour(
  region: RegionContext,
  service: Pick<ArmService, 'write' | 'outcome'>,
  show: (resource: ArmResource) => Document,
): KindBehaviour {
  const lookup = (id: string): Document | undefined => {
    const resource = region.resources.get(id)
    return resource && show(resource)
  }

  /** Checks the whole template before anything is written. */
  function accept(id: string, body: Document) {
    const properties = asRecord(body.properties)
    if (properties.templateLink !== undefined)
      throw new AzureError(
        501,
        'NotImplemented',
        'The local region takes templates in the request only, not by link.',
      )
    if (asText(properties.mode)?.toLowerCase() !== 'incremental')
      throw new AzureError(
        501,
        'NotImplemented',
        "The local region deploys templates in mode 'Incremental' only.",
      )
    const template = asRecord(properties.template)
    if (template.resources === undefined) throw templateError('the template has no resources.')
    const place = placeOf(region, id, body)
    const parameters = resolveParameters(template, asRecord(properties.parameters), place)
    return { template, parameters, plan: planTemplate(template, parameters, place) }
  }

  async function deploy(deployment: ArmResource, actor: Caller): Promise<void> {
    const startedAt = region.clock()
    const { template, parameters } = deployment.secrets
    const place = placeOf(region, deployment.id, deployment.body)
    const plan = planTemplate(asRecord(template), asRecord(parameters), place)
    await writeAll(deployment, plan.resources, actor)
    finish(deployment, plan, startedAt)
  }

  async function writeAll(
    deployment: ArmResource,
    resources: readonly PlannedResource[],
    actor: Caller,
  ) {
    let pending = [...resources]
    while (pending.length > 0) {
      const before = pending.length
      let waitsFor: NotYetDeployed | undefined
      for (const resource of pending) {
        const others = pending.filter((other) => other !== resource)
        if (others.some((other) => isNeeded(resource, other))) continue
        try {
          const body = resource.body(lookup)
          await writeOne(deployment, resource, body, actor)
          pending = pending.filter((other) => other !== resource)
        } catch (error) {
          if (!(error instanceof NotYetDeployed)) throw error
          waitsFor = error
        }
      }
      if (pending.length === before)
        throw templateError(waitsFor?.message ?? 'circular dependency detected on a resource.')
    }
  }

  async function writeOne(
    deployment: ArmResource,
    resource: PlannedResource,
    body: Document,
    actor: Caller,
  ) {
    const startedAt = region.clock()
    const failure = await put(resource, body, actor)
    record(deployment, resource, failure, startedAt, actor)
    if (failure)
      throw new AzureError(
        409,
        'DeploymentFailed',
        `At least one resource deployment operation failed. '${resource.name}' (${resource.type}): ${failure.code}: ${failure.message}`,
      )
  }

  async function put({ id, type, name: _name }: PlannedResource, body: Document, actor: Caller) {
    try {
      const result = await service.write({
        id,
        type,
        method: 'PUT',
        body,
        query: {},
        conditions: {},
        actor,
      })
      return await service.outcome(result)
    } catch (error) {
      if (error instanceof AzureError) return error
      throw error
    }
  }

  /** One row per resource, for `deployments/{name}/operations`. */
  function record(
    deployment: ArmResource,
    resource: PlannedResource,
    failure: { code: string; message: string } | undefined,
    startedAt: Date,
    actor: Caller,
  ): void {
    const operationId = createHash('sha256')
      .update(idKey(resource.id))
      .digest('hex')
      .slice(0, 16)
      .toUpperCase()
    const properties = {
      provisioningOperation: 'Create',
      provisioningState: failure ? 'Failed' : 'Succeeded',
      timestamp: region.clock().toISOString(),
      duration: durationSince(region, startedAt),
      serviceRequestId: randomUUID(),
      statusCode: failure ? 'Conflict' : 'Created',
      ...(failure && {
        statusMessage: { error: { code: failure.code, message: failure.message } },
      }),
      targetResource: {
        id: resource.id,
        resourceType: resource.type,
        resourceName: resource.name,
      },
    }
    region.resources.put(
      `${deployment.id}/operations/${operationId}`,
      `${type}/operations`,
      { body: { operationId, properties } },
      actor,
    )
  }

  function finish(deployment: ArmResource, plan: TemplatePlan, startedAt: Date): void {
    const outputs = plan.outputs(lookup)
    region.resources.amend(deployment.id, (body) => ({
      ...body,
      properties: {
        ...asRecord(body.properties),
        outputs,
        outputResources: plan.resources.map(({ id }) => ({ id })),
        duration: durationSince(region, startedAt),
        timestamp: region.clock().toISOString(),
      },
    }))
  }

  return {
    type: type.toLowerCase(),
    lro: 'endpoint',
    beforePut({ id, body }) {
      const { template, parameters } = accept(id, body)
      return {
        body: { ...body, properties: shownProperties(region, template, parameters) },
        secrets: { template, parameters },
      }
    },
    afterPut: (deployment, _change, actor) => deploy(deployment, actor),
    earlyActions: {
      validate: async (id, body) => {
        const { template, parameters, plan } = accept(id, asRecord(body))
        const properties = {
          ...shownProperties(region, template, parameters),
          provisioningState: 'Succeeded',
          validatedResources: plan.resources.map((resource) => ({ id: resource.id })),
        }
        return { status: 200, body: { id, name: id.split('/').at(-1), type, properties } }
      },
    },
    actions: {
      exporttemplate: async ({ secrets }) => ({
        status: 200,
        body: { template: secrets.template },
      }),
    },
  }
}

function placeOf(region: RegionContext, id: string, body: Document): DeploymentPlace {
  const [, subscriptionId = '', , group] =
    /^\/subscriptions\/([^/]+)(\/resourceGroups\/([^/]+))?\//i.exec(id) ?? []
  const scope =
    group === undefined
      ? undefined
      : region.resources.get(`/subscriptions/${subscriptionId}/resourceGroups/${group}`)
  return {
    subscriptionId,
    resourceGroup: group,
    location: asText(body.location) ?? asText(scope?.body.location) ?? region.name,
    tenantId: region.authority.tenantId,
    deploymentName: id.split('/').at(-1) ?? '',
    now: region.clock(),
  }
}

/** What a reader sees: values of secure parameters never (I9), the template itself by `exportTemplate`. */
function shownProperties(
  region: RegionContext,
  template: Document,
  parameters: Document,
): Document {
  const declared = asRecord(template.parameters)
  const shown = Object.entries(parameters).map(([name, value]) => {
    const kind = asText(asRecord(declared[name]).type) ?? 'String'
    return [name, /^secure/i.test(kind) ? { type: kind } : { type: kind, value }]
  })
  return {
    mode: 'Incremental',
    parameters: Object.fromEntries(shown),
    templateHash: createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 20),
    correlationId: randomUUID(),
    timestamp: region.clock().toISOString(),
    dependencies: [],
    providers: [],
  }
}

const isNeeded = (resource: PlannedResource, other: PlannedResource): boolean =>
  resource.dependsOn.some((on) => on === idKey(other.id) || on === other.name.toLowerCase())

function durationSince(region: RegionContext, startedAt: Date): string {
  return `PT${((region.clock().getTime() - startedAt.getTime()) / 1000).toFixed(3)}S`
}
