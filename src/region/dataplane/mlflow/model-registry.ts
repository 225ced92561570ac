import { asRecord, asText, type Document } from '../../arm/document.ts'
import type { ArmResource, Caller } from '../../context.ts'
import type { DataPlane } from '../data-plane.ts'
import { loggedModelUri, noteVersion } from './logged-model-routes.ts'
import { invalid, MlflowError, missing } from './mlflow-error.ts'
import { modelUriOf, sourceOf } from './model-uri.ts'
import { pairs } from './run-view.ts'

const modelType = 'Microsoft.MachineLearningServices/workspaces/models'
const versionType = `${modelType}/versions`
/** State that only MLflow knows, kept in the resource's own `properties` so that it travels with it. */
const stageKey = 'azureml.mlflow.stage'
const runLinkKey = 'azureml.mlflow.runLink'
const modelIdKey = 'azureml.mlflow.modelId'
/** The source as the caller named it, where the model's own address says something else. */
const sourceKey = 'azureml.mlflow.source'
const aliasPrefix = 'azureml.mlflow.alias.'
/** Numbers of deleted versions are not given again. */
const highestKey = 'azureml.mlflow.highestVersion'
const stages = ['None', 'Staging', 'Production', 'Archived'] as const

export interface NewVersion {
  readonly source: string
  /** The logged model it is made of. */
  readonly modelId: string | undefined
  readonly runId: string | undefined
  readonly runLink: string | undefined
  readonly description: string | undefined
  readonly tags: Record<string, string>
}

/** MLflow's model registry over the workspace's ARM models: one set of objects, two ways to see it. */
export function modelRegistry(dp: DataPlane, workspaceId: string, ws: number, caller: Caller) {
  const { resources } = dp.region
  const modelId = (name: string) => `${workspaceId}/models/${name}`
  const versionId = (name: string, version: string) => `${modelId(name)}/versions/${version}`
  const propertiesOf = (resource: ArmResource) => asRecord(resource.body.properties)
  const stateOf = (resource: ArmResource) => asRecord(propertiesOf(resource).properties)

  function model(name: string): ArmResource {
    const found = resources.get(modelId(checkName(name)))
    if (found) return found
    throw missing(`Registered Model with name=${name} not found`)
  }
  function version(name: string, number: string): ArmResource {
    const found = resources.get(versionId(checkName(name), number))
    if (found) return found
    throw missing(`Model Version (name=${name}, version=${number}) not found`)
  }
  const versionsOf = (container: ArmResource) => resources.list(container.id, versionType)

  /** Replaces fields of `properties`; `tags` and `properties` within are given as a whole. */
  const change = (resource: ArmResource, fields: Document): ArmResource =>
    resources.put(
      resource.id,
      resource.type,
      { body: { ...resource.body, properties: { ...propertiesOf(resource), ...fields } } },
      caller,
    )
  const changeState = (resource: ArmResource, state: Document) =>
    change(resource, { properties: defined({ ...stateOf(resource), ...state }) })
  const changeTags = (resource: ArmResource, tags: Document) =>
    change(resource, { tags: defined({ ...asRecord(propertiesOf(resource).tags), ...tags }) })
  const touchModel = (name: string) => change(model(name), {})

  function create(name: string, description: string | undefined, tags: Document): ArmResource {
    if (resources.get(modelId(checkName(name))))
      throw new MlflowError(
        'RESOURCE_ALREADY_EXISTS',
        `Registered Model (name=${name}) already exists.`,
      )
    const properties = {
      ...(description !== undefined && { description }),
      ...{ tags, properties: {}, isArchived: false, provisioningState: 'Succeeded' },
    }
    return resources.put(modelId(name), modelType, { body: { properties } }, caller)
  }

  function createVersion(name: string, made: NewVersion): ArmResource {
    const container = model(name)
    const number = String(highest(container) + 1)
    const properties = {
      ...(made.description !== undefined && { description: made.description }),
      modelUri: modelUriOf(resolved(made.source), workspaceId, (id) => dp.runs.row(ws, id)),
      modelType: 'mlflow_model',
      ...(made.runId !== undefined && { jobName: made.runId }),
      tags: made.tags,
      properties: defined({
        [runLinkKey]: made.runLink,
        [modelIdKey]: made.modelId,
        [sourceKey]: /^models:/.test(made.source) ? made.source : undefined,
      }),
      ...{ flavors: {}, isArchived: false, isAnonymous: false, provisioningState: 'Succeeded' },
    }
    const stored = resources.put(
      versionId(name, number),
      versionType,
      { body: { properties } },
      caller,
    )
    touchModel(name)
    if (made.modelId !== undefined)
      noteVersion(dp, ws, made.modelId, { name, version: Number(number) })
    return stored
  }

  /** `models:/name/version` names another version, `models:/m-…` a logged model: its files are meant. */
  function resolved(source: string): string {
    checkSource(source)
    const [, name, number] = /^models:\/+([^/]+)\/(\d+)$/.exec(source) ?? []
    const [, modelId] = /^models:\/+(m-[0-9a-f]{32})$/.exec(source) ?? []
    if (modelId !== undefined) return loggedModelUri(dp, ws, modelId)
    if (name === undefined || number === undefined) return source
    return asText(propertiesOf(version(name, number)).modelUri) ?? source
  }

  const highest = (container: ArmResource) =>
    Math.max(
      Number(stateOf(container)[highestKey] ?? 0),
      ...versionsOf(container).map(({ name }) => (/^\d+$/.test(name) ? Number(name) : 0)),
    )

  function removeVersion(name: string, number: string): void {
    const container = model(name)
    const gone = version(name, number)
    const aliases = aliasesOf(container).filter((alias) => alias.version === gone.name)
    changeState(container, {
      [highestKey]: String(highest(container)),
      ...Object.fromEntries(aliases.map(({ alias }) => [`${aliasPrefix}${alias}`, undefined])),
    })
    resources.delete(gone.id)
  }
  function remove(name: string): void {
    const container = model(name)
    for (const one of versionsOf(container)) resources.delete(one.id)
    resources.delete(container.id)
  }
  function rename(name: string, newName: string): ArmResource {
    const container = model(name)
    if (resources.get(modelId(checkName(newName))))
      throw new MlflowError(
        'RESOURCE_ALREADY_EXISTS',
        `Registered Model (name=${newName}) already exists.`,
      )
    resources.put(modelId(newName), modelType, { body: container.body }, caller)
    for (const { name: number, body } of versionsOf(container))
      resources.put(versionId(newName, number), versionType, { body }, caller)
    remove(name)
    return model(newName)
  }

  function transition(name: string, number: string, wanted: string, archiveOthers: boolean) {
    const stage = canonicalStage(wanted)
    const moved = version(name, number)
    if (archiveOthers) {
      if (stage !== 'Staging' && stage !== 'Production')
        throw invalid(`Versions cannot be archived for the stage '${stage}'.`)
      for (const other of versionsOf(model(name)))
        if (other.id !== moved.id && stageOf(other) === stage)
          changeState(other, { [stageKey]: 'Archived' })
    }
    const result = changeState(moved, { [stageKey]: stage })
    touchModel(name)
    return result
  }

  const stageOf = (one: ArmResource) => asText(stateOf(one)[stageKey]) ?? 'None'
  const aliasesOf = (container: ArmResource) =>
    Object.entries(stateOf(container)).flatMap(([key, value]) =>
      key.startsWith(aliasPrefix)
        ? [{ alias: key.slice(aliasPrefix.length), version: String(value) }]
        : [],
    )
  function setAlias(name: string, alias: string, number: string | undefined): void {
    if (!/^[\w-]{1,255}$/.test(alias) || /^v\d+$|^latest$/i.test(alias))
      throw invalid(`'${alias}' is no valid alias of a model version.`)
    changeState(model(name), {
      [`${aliasPrefix}${alias}`]: number === undefined ? undefined : version(name, number).name,
    })
  }
  function byAlias(name: string, alias: string): ArmResource {
    const found = aliasesOf(model(name)).find((one) => one.alias === alias)
    if (found) return version(name, found.version)
    throw missing(`Registered model alias ${alias} not found.`)
  }

  function latest(name: string, wanted: readonly string[]): ArmResource[] {
    const newest = new Map<string, ArmResource>()
    for (const one of versionsOf(model(name))) {
      const known = newest.get(stageOf(one))
      if (known === undefined || numberOf(one) >= numberOf(known)) newest.set(stageOf(one), one)
    }
    const asked = wanted.map(canonicalStage)
    return [...newest].flatMap(([stage, one]) =>
      asked.length === 0 || asked.includes(stage as (typeof stages)[number]) ? [one] : [],
    )
  }

  function viewVersion(one: ArmResource): Document {
    const properties = propertiesOf(one)
    const [, name = ''] = /\/models\/([^/]+)\/versions\/[^/]+$/i.exec(one.id) ?? []
    const container = resources.get(modelId(name))
    return {
      name,
      version: one.name,
      ...times(one),
      user_id: one.systemData.createdBy,
      current_stage: stageOf(one),
      description: asText(properties.description) ?? '',
      source: asText(stateOf(one)[sourceKey]) ?? sourceOf(asText(properties.modelUri) ?? ''),
      ...(stateOf(one)[modelIdKey] !== undefined && { model_id: stateOf(one)[modelIdKey] }),
      run_id: asText(properties.jobName) ?? '',
      run_link: asText(stateOf(one)[runLinkKey]) ?? '',
      status: 'READY',
      tags: pairs(properties.tags),
      aliases: (container ? aliasesOf(container) : []).flatMap(({ alias, version: at }) =>
        at === one.name ? [alias] : [],
      ),
    }
  }
  const viewModel = (one: ArmResource): Document => ({
    name: one.name,
    ...times(one),
    description: asText(propertiesOf(one).description) ?? '',
    tags: pairs(propertiesOf(one).tags),
    aliases: aliasesOf(one),
    latest_versions: latest(one.name, []).map(viewVersion),
  })

  return {
    ...{ model, version, versionsOf, create, createVersion, remove, removeVersion, rename },
    ...{ transition, setAlias, byAlias, latest, change, changeTags, viewModel, viewVersion },
    models: () => resources.list(workspaceId, modelType),
    versions: () => resources.list(workspaceId, versionType),
    downloadUri: (name: string, number: string) =>
      sourceOf(asText(propertiesOf(version(name, number)).modelUri) ?? ''),
  }
}
export type ModelRegistry = ReturnType<typeof modelRegistry>

const defined = (map: Document): Document =>
  Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined))

const numberOf = ({ name }: ArmResource) => (/^\d+$/.test(name) ? Number(name) : 0)

const times = ({ systemData }: ArmResource) => ({
  creation_timestamp: Date.parse(systemData.createdAt),
  last_updated_timestamp: Date.parse(systemData.lastModifiedAt),
})

function canonicalStage(stage: string): (typeof stages)[number] {
  const found = stages.find((one) => one.toLowerCase() === stage.toLowerCase())
  if (found) return found
  throw invalid(`Invalid Model Version stage: ${stage}. Value must be one of ${stages.join(', ')}.`)
}

/** A place on the caller's disk means nothing here, and no source climbs out of where it is. */
function checkSource(source: string): void {
  if (/^file:|^[/\\.]|^[A-Za-z]:[/\\]/.test(source))
    throw invalid(
      `Invalid model version source: '${source}'. To use a local path as a model version source, log it as an artifact of a run first.`,
    )
  const path = decodeFully(source.split(/[?#]/, 1)[0] ?? '')
  if (path.split(/[/\\]/).includes('..') || path.includes('\u0000'))
    throw invalid(
      `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present.`,
    )
}

/** Escapes within escapes hide nothing. */
function decodeFully(text: string): string {
  try {
    const decoded = decodeURIComponent(text)
    return decoded === text ? text : decodeFully(decoded)
  } catch {
    return text
  }
}

/** The name stands in a resource id. */
function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(name)) return name
  throw invalid(
    `Invalid model name: '${name.slice(0, 80)}'. Names have at most 255 letters, digits, '-', '_' and '.'.`,
  )
}
