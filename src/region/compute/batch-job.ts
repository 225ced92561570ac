import { asRecord, asText, type Document, isRecord } from '../arm/document.ts'
import { type ArmResource, AzureError } from '../context.ts'
import { computeOf } from './compute-of.ts'
import { limitsOf } from './node-fields.ts'

/** Marks a job that the batch driver runs, so that its environment names the driver. */
export const batchProperty = 'azureml.batchendpoint'

/**
 * The job that a batch deployment makes of an invocation: a command job over the files of the
 * inputs, or the pipeline of the component that the deployment names. Pure.
 */
export function batchJob(
  endpoint: ArmResource,
  deployment: ArmResource,
  invocation: Document,
  name: string,
): Document {
  const given = asRecord(withLowerKeys(invocation.properties))
  const properties = asRecord(deployment.body.properties)
  const common = {
    displayName: asText(given.displayName) ?? name,
    experimentName: asText(given.experimentName) ?? endpoint.name,
    description: given.description,
    tags: asRecord(given.tags),
    properties: { [batchProperty]: endpoint.name, 'azureml.deploymentname': deployment.name },
  }
  const inputs = inputsOf(given)
  const outputs = outputsOf(given)
  const configuration = asRecord(properties.deploymentConfiguration)
  return asText(configuration.deploymentConfigurationType)?.toLowerCase() === 'pipelinecomponent'
    ? { ...common, ...pipelineJob(properties, configuration), inputs, outputs }
    : { ...common, ...scoringJob(properties, given, inputs, outputs) }
}

function pipelineJob(properties: Document, configuration: Document): Document {
  const componentId = asText(asRecord(configuration.componentId).assetId)
  if (componentId === undefined)
    throw new AzureError(400, 'UserError', 'The deployment names no pipeline component.')
  const settings = asRecord(configuration.settings)
  const compute = asText(properties.compute) ?? asText(settings.default_compute)
  return {
    jobType: 'Pipeline',
    componentId,
    settings: {
      ...settings,
      continue_on_step_failure: String(settings.continue_on_step_failure).toLowerCase() === 'true',
      ...(compute !== undefined && { default_compute: compute }),
    },
  }
}

function scoringJob(
  properties: Document,
  given: Document,
  inputs: Document,
  outputs: Document,
): Document {
  const code = asRecord(properties.codeConfiguration)
  const model = modelUri(asRecord(properties.model))
  const data = Object.entries(inputs).filter(([, input]) => asRecord(input).uri !== undefined)
  if (data.length === 0)
    throw new AzureError(400, 'UserError', 'The invocation gives no data: inputData is empty.')
  const [output = 'score', where] = Object.entries(outputs)[0] ?? []
  const script = asText(code.scoringScript)
  const settings = {
    ...(script !== undefined && { script }),
    miniBatchSize: Math.max(1, Number(given.miniBatchSize ?? properties.miniBatchSize ?? 10)),
    errorThreshold: Number(given.errorThreshold ?? properties.errorThreshold ?? -1),
    outputAction: asText(properties.outputAction) ?? 'AppendRow',
    outputFileName: fileName(given.outputFileName ?? properties.outputFileName),
    tries: 1 + Number(asRecord(given.retrySettings ?? properties.retrySettings).maxRetries ?? 3),
  }
  return {
    jobType: 'Command',
    command: [
      '"$AZUREML_BATCH_PYTHON" "$AZUREML_BATCH_DRIVER"',
      `--output ${ref(`outputs.${output}`)}`,
      ...(model === undefined ? [] : [`--model ${ref('inputs.batch_model')}`]),
      ...data.map(([name]) => `--input ${ref(`inputs.${name}`)}`),
    ].join(' '),
    codeId: code.codeId,
    environmentId: properties.environmentId,
    environmentVariables: {
      ...asRecord(properties.environmentVariables),
      AZUREML_BATCH_SETTINGS: JSON.stringify(settings),
    },
    ...(computeOf(properties.compute) !== undefined && { computeId: properties.compute }),
    resources: given.resources ?? properties.resources,
    limits: limitsOf(given.limits),
    inputs: {
      ...inputs,
      ...(model !== undefined && {
        batch_model: { jobInputType: 'uri_folder', uri: model },
      }),
    },
    outputs: { [output]: { jobOutputType: 'uri_folder', ...asRecord(where) } },
  }
}

const ref = (name: string) => `\${{${name}}}`

/** A name of a file in the output's folder, never a way out of it. */
function fileName(value: unknown): string {
  const name = asText(value) ?? 'predictions.csv'
  if (!/[/\\]/.test(name) && name !== '..') return name
  throw new AzureError(400, 'UserError', `'${name}' is not the name of an output file.`)
}

/** The three ways a deployment names its model. */
function modelUri(model: Document): string | undefined {
  const { assetId, datastoreId, jobId, path } = model
  if (asText(assetId) !== undefined) return String(assetId)
  const name = (id: unknown) => asText(id)?.split('/').at(-1)
  if (asText(datastoreId) !== undefined)
    return `azureml://datastores/${name(datastoreId)}/paths/${asText(path) ?? ''}`
  if (asText(jobId) !== undefined)
    return `azureml://jobs/${name(jobId)}/outputs/${asText(path) ?? 'default'}`
  return undefined
}

const typeNames: Readonly<Record<string, string>> = {
  urifolder: 'uri_folder',
  urifile: 'uri_file',
  mlflowmodel: 'mlflow_model',
  custommodel: 'custom_model',
  tritonmodel: 'triton_model',
}
const typeOf = (value: unknown) => {
  const name = asText(value)?.toLowerCase() ?? 'uri_folder'
  return typeNames[name] ?? name
}

function inputsOf({ inputData, dataset }: Document): Document {
  const inputs = Object.entries(asRecord(inputData)).map(([name, value]) => {
    const { jobInputType, uri, ...rest } = asRecord(value)
    const type = typeOf(jobInputType)
    return type === 'literal'
      ? [name, { ...rest, value: String(rest.value ?? ''), jobInputType: type }]
      : [name, { ...rest, uri, jobInputType: type }]
  })
  // The older form of an invocation has one data set without a name.
  const old = asRecord(dataset)
  const oldUri = asText(old.dataUri) ?? asText(old.path) ?? asText(old.assetId) ?? asText(old.uri)
  if (oldUri !== undefined) inputs.push(['data', { jobInputType: 'uri_folder', uri: oldUri }])
  return Object.fromEntries(inputs) as Document
}

function outputsOf({ outputData }: Document): Document {
  return Object.fromEntries(
    Object.entries(asRecord(outputData)).map(([name, value]) => {
      const { jobOutputType, ...rest } = asRecord(value)
      return [name, { ...rest, jobOutputType: typeOf(jobOutputType) }]
    }),
  )
}

/** The service takes the names of fields with a capital letter too; those of inputs are the user's. */
function withLowerKeys(value: unknown, depth = 0): unknown {
  if (!isRecord(value)) return value
  const isNames = depth === 1
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      const lower = isNames ? key : key.charAt(0).toLowerCase() + key.slice(1)
      const goesDeeper = depth > 0 || lower === 'inputData' || lower === 'outputData'
      return [lower, goesDeeper ? withLowerKeys(one, depth + 1) : one]
    }),
  )
}
