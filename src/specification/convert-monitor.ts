import type { Json, JsonObject } from '../model/json.ts'
import {
  camel,
  compact,
  type Document,
  mapping,
  optionalText,
  pascal,
  text,
  textMap,
} from './document.ts'
import { at, type ImportSession, placeOf, type Where } from './import-session.ts'

/** What a schedule's `create_monitor` becomes: `monitorDefinition` of the action CreateMonitor. */
export async function convertMonitor(
  session: ImportSession,
  monitor: Document,
  where: Where,
): Promise<JsonObject> {
  const signals: Record<string, Json> = {}
  for (const [name, given] of entries(
    monitor.monitoring_signals,
    at(where, 'monitoring_signals'),
  )) {
    const place = at(where, `monitoring_signals.${name}`)
    signals[name] = await signalOf(session, mapping(given, placeOf(place)), place)
  }
  const target = mapping(monitor.monitoring_target, placeOf(where))
  return compact({
    computeConfiguration: computeOf(mapping(monitor.compute, placeOf(where))),
    monitoringTarget:
      monitor.monitoring_target === undefined
        ? undefined
        : (compact({
            taskType: pascal(String(target.ml_task ?? 'classification')),
            deploymentId: deploymentOf(session, target.endpoint_deployment_id, where),
            modelId:
              target.model_id === undefined
                ? undefined
                : await session.assetId('model', text(target.model_id, placeOf(where)), where),
          }) as JsonObject),
    signals,
    alertNotificationSettings: alertsOf(monitor.alert_notification, where),
  }) as JsonObject
}

function computeOf(compute: Document): JsonObject {
  return {
    computeType: 'ServerlessSpark',
    computeIdentity: { computeIdentityType: 'AmlToken' },
    instanceType: String(compute.instance_type),
    runtimeVersion: String(compute.runtime_version),
  }
}

/** `azureml:ENDPOINT:DEPLOYMENT`; anything else is what somebody knows the service to take. */
function deploymentOf(session: ImportSession, value: unknown, where: Where): string | undefined {
  const given = optionalText(value, placeOf(where))
  const [, endpoint, deployment] = /^azureml:([^/:]+):([^/:]+)$/.exec(given ?? '') ?? []
  if (endpoint === undefined || deployment === undefined) return given
  return session.armId('online-deployment', endpoint, deployment)
}

function alertsOf(value: unknown, where: Where): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  const { emails } = mapping(value, placeOf(where))
  return {
    emailNotificationSettings: {
      emails: (emails ?? []) as Json,
      emailOn: ['JobFailed', 'JobCompleted'],
    },
  }
}

/** Signals whose thresholds are told apart by the kind of feature. */
const driftLike: Readonly<Record<string, string>> = {
  data_drift: 'DataDrift',
  data_quality: 'DataQuality',
  prediction_drift: 'PredictionDrift',
}

async function signalOf(
  session: ImportSession,
  signal: Document,
  where: Where,
): Promise<JsonObject> {
  const type = text(signal.type, placeOf(at(where, 'type')))
  const shape =
    driftLike[type] === undefined
      ? await otherSignal(session, type, signal, where)
      : {
          signalType: driftLike[type],
          metricThresholds: featureThresholds(mapping(signal.metric_thresholds, placeOf(where))),
          features: featuresOf(signal.features),
        }
  return compact({
    ...shape,
    notificationTypes: signal.alert_enabled === true ? ['AmlNotification'] : undefined,
    productionData: await productionData(session, type, signal.production_data, where),
    referenceData:
      signal.reference_data === undefined
        ? undefined
        : await inputData(session, mapping(signal.reference_data, placeOf(where)), where, 'Fixed'),
    properties: textMap(signal.properties, placeOf(where)),
  }) as JsonObject
}

async function otherSignal(
  session: ImportSession,
  type: string,
  signal: Document,
  where: Where,
): Promise<JsonObject> {
  const thresholds = signal.metric_thresholds
  if (type === 'feature_attribution_drift') {
    const [[metric, value] = ['', 0]] = entries(thresholds, where)
    return {
      signalType: 'FeatureAttributionDrift',
      metricThreshold: { metric: pascal(metric), threshold: { value: value as Json } },
      featureImportanceSettings: { mode: 'Enabled' },
    }
  }
  if (type === 'custom') {
    const inputs: Record<string, Json> = {}
    for (const [name, given] of entries(signal.input_data, where))
      inputs[name] = await inputData(session, mapping(given, placeOf(where)), where, 'Fixed')
    return {
      signalType: 'Custom',
      componentId: await session.assetId(
        'component',
        text(signal.component_id, placeOf(where)),
        where,
      ),
      metricThresholds: customThresholds(thresholds),
      inputAssets: inputs,
    }
  }
  return {
    signalType: pascal(type),
    metricThresholds: byKey(thresholds).flatMap(([, values]) =>
      byKey(values).map(([metric, value]) => ({
        metric: pascal(metric),
        threshold: { value: value as Json },
      })),
    ),
    samplingRate: signal.sampling_rate as Json,
    workspaceConnectionId: signal.workspace_connection_id as Json,
  } as JsonObject
}

/** The service keeps a list of what stands under keys here; keys have no order, so the list gets one. */
function byKey(value: unknown): [string, unknown][] {
  return Object.entries((value ?? {}) as Document).sort(([a], [b]) => (a < b ? -1 : 1))
}

function featureThresholds(thresholds: Document): Json {
  return byKey(thresholds).flatMap(([dataType, metrics]) =>
    byKey(metrics).map(([metric, value]) => ({
      dataType: pascal(dataType),
      metric: pascal(metric),
      threshold: { value: value as Json },
    })),
  ) as Json
}

function customThresholds(thresholds: unknown): Json {
  const list = Array.isArray(thresholds) ? (thresholds as Document[]) : []
  return list.map(({ metric_name, threshold }) => ({
    metric: metric_name as Json,
    threshold: { value: threshold as Json },
  })) as Json
}

function featuresOf(features: unknown): JsonObject | undefined {
  if (features === undefined || features === 'all_features') return undefined
  if (Array.isArray(features)) return { filterType: 'FeatureSubset', features: features as Json }
  const { top_n_feature_importance: top } = features as Document
  return { filterType: 'TopNByAttribution', top: top as Json }
}

/** One data set or, for signals that watch a whole conversation, several. */
async function productionData(
  session: ImportSession,
  type: string,
  value: unknown,
  where: Where,
): Promise<Json | undefined> {
  if (value === undefined) return undefined
  const list = (Array.isArray(value) ? value : [value]) as unknown[]
  const converted: JsonObject[] = []
  for (const one of list)
    converted.push(await inputData(session, mapping(one, placeOf(where)), where, 'Rolling'))
  const many = Array.isArray(value) || type === 'feature_attribution_drift'
  return many ? converted : (converted[0] as Json)
}

async function inputData(
  session: ImportSession,
  given: Document,
  where: Where,
  kind: 'Fixed' | 'Rolling',
): Promise<JsonObject> {
  const input = mapping(given.input_data, placeOf(where))
  const preprocessing = optionalText(given.pre_processing_component, placeOf(where))
  const rolling = kind === 'Rolling'
  return compact({
    inputDataType: kind,
    jobInputType: optionalText(input.type, placeOf(where)) ?? 'uri_folder',
    uri: await session.storageUri(input.path, at(where, 'input_data.path'), input.type),
    dataContext: optionalText(given.data_context, placeOf(where)),
    columns: given.data_column_names as Json,
    preprocessingComponentId:
      preprocessing === undefined
        ? undefined
        : await session.assetId('component', preprocessing, where),
    ...(rolling
      ? {
          windowSize: optionalText(given.data_window_size, placeOf(where)) ?? 'P1D',
          windowOffset: optionalText(given.data_window_offset, placeOf(where)) ?? 'P0D',
        }
      : {}),
  }) as JsonObject
}

function entries(value: unknown, where: Where): [string, unknown][] {
  return Object.entries(mapping(value, placeOf(where)))
}

/** What a schedule's `import_data` becomes: `dataImportDefinition` of the action ImportData. */
export function convertDataImport(document: Document, where: Where): JsonObject {
  const source = mapping(document.source, placeOf(at(where, 'source')))
  return compact({
    assetName: optionalText(document.name, placeOf(where)),
    dataType: optionalText(document.type, placeOf(where)) ?? 'uri_folder',
    dataUri: text(document.path, placeOf(at(where, 'path'))),
    description: optionalText(document.description, placeOf(where)),
    source: compact({
      sourceType: source.type as Json,
      ...Object.fromEntries(
        Object.entries(source)
          .filter(([key]) => key !== 'type')
          .map(([key, value]) => [camel(key), value as Json]),
      ),
    }),
  }) as JsonObject
}
