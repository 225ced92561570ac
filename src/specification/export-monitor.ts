import type { Json, JsonObject } from '../model/json.ts'
import { compact } from './document.ts'
import type { ExportSession } from './export-session.ts'
import { isObject, object, snake, snakeKeys, without } from './reverse.ts'

/** `convert-monitor.ts` the other way round. */
export function exportMonitor(session: ExportSession, monitor: JsonObject): JsonObject {
  const compute = object(monitor.computeConfiguration)
  const target = object(monitor.monitoringTarget)
  const alerts = object(object(monitor.alertNotificationSettings).emailNotificationSettings)
  const signals = Object.entries(object(monitor.signals)).map(([name, signal]) => [
    name,
    signalOf(session, object(signal)),
  ])
  return compact({
    compute: { instance_type: compute.instanceType, runtime_version: compute.runtimeVersion },
    monitoring_target: isObject(monitor.monitoringTarget)
      ? compact({
          ml_task: snake(String(target.taskType)),
          endpoint_deployment_id: session.reference(target.deploymentId),
          model_id: session.reference(target.modelId),
        })
      : undefined,
    monitoring_signals: signals.length > 0 ? Object.fromEntries(signals) : undefined,
    alert_notification: alerts.emails === undefined ? undefined : { emails: alerts.emails },
  }) as JsonObject
}

function signalOf(session: ExportSession, signal: JsonObject): JsonObject {
  const type = snake(String(signal.signalType))
  const { productionData, referenceData, notificationTypes } = signal
  const production = Array.isArray(productionData)
    ? productionData.map((one) => inputData(session, object(one)))
    : isObject(productionData)
      ? inputData(session, productionData)
      : undefined
  return compact({
    type,
    ...shapeOf(session, type, signal),
    production_data:
      type === 'feature_attribution_drift' && Array.isArray(production) && production.length === 1
        ? production[0]
        : production,
    reference_data: isObject(referenceData) ? inputData(session, referenceData) : undefined,
    alert_enabled: notificationTypes === undefined ? undefined : true,
    properties: signal.properties ?? undefined,
  }) as JsonObject
}

function shapeOf(
  session: ExportSession,
  type: string,
  signal: JsonObject,
): Record<string, Json | undefined> {
  if (type === 'feature_attribution_drift') {
    const { metric, threshold } = object(signal.metricThreshold)
    return { metric_thresholds: { [snake(String(metric))]: object(threshold).value ?? null } }
  }
  if (type === 'custom')
    return {
      component_id: session.reference(signal.componentId),
      metric_thresholds: list(signal.metricThresholds).map(({ metric, threshold }) => ({
        metric_name: metric ?? '',
        threshold: object(threshold).value ?? null,
      })),
      input_data: Object.fromEntries(
        Object.entries(object(signal.inputAssets)).map(([name, data]) => [
          name,
          inputData(session, object(data)),
        ]),
      ),
    }
  if (type.startsWith('generation'))
    return {
      metric_thresholds: generationThresholds(signal.metricThresholds),
      sampling_rate: signal.samplingRate,
      workspace_connection_id: signal.workspaceConnectionId,
    }
  return {
    metric_thresholds: featureThresholds(signal.metricThresholds),
    features: featuresOf(signal.features),
  }
}

function featureThresholds(value: Json | undefined): JsonObject {
  const groups: Record<string, Record<string, Json>> = {}
  for (const { dataType, metric, threshold } of list(value)) {
    const group = groups[snake(String(dataType))] ?? {}
    group[snake(String(metric))] = object(threshold).value ?? null
    groups[snake(String(dataType))] = group
  }
  return groups as JsonObject
}

/** `AggregatedFluencyPassRate` stands under `fluency`; the service keeps no groups. */
function generationThresholds(value: Json | undefined): JsonObject {
  const groups: Record<string, Record<string, Json>> = {}
  for (const { metric, threshold } of list(value)) {
    const name = snake(String(metric))
    const [, group = 'other'] = /^(?:aggregated|acceptable)_([a-z]+)_/.exec(name) ?? []
    groups[group] = { ...groups[group], [name]: object(threshold).value ?? null }
  }
  return groups as JsonObject
}

function featuresOf(value: Json | undefined): Json | undefined {
  const { filterType, features, top } = object(value)
  if (filterType === 'FeatureSubset') return features
  return filterType === 'TopNByAttribution' ? { top_n_feature_importance: top ?? 10 } : undefined
}

function inputData(session: ExportSession, data: JsonObject): JsonObject {
  const rolling = data.inputDataType === 'Rolling'
  return compact({
    input_data: compact({ path: session.uri(data.uri), type: data.jobInputType }),
    data_context: data.dataContext,
    data_column_names: data.columns,
    pre_processing_component: session.reference(data.preprocessingComponentId),
    data_window_size: rolling && data.windowSize !== 'P1D' ? data.windowSize : undefined,
    data_window_offset: rolling && data.windowOffset !== 'P0D' ? data.windowOffset : undefined,
  }) as JsonObject
}

const list = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.map((one) => object(one)) : []

export function exportDataImport(session: ExportSession, definition: JsonObject): JsonObject {
  const { assetName, dataType, dataUri, description, source } = definition
  const { sourceType, ...rest } = object(source)
  return compact({
    name: assetName,
    type: dataType,
    path: session.uri(dataUri),
    description: description ?? undefined,
    source: { type: sourceType, ...snakeKeys(without(rest, 'sourceType')) },
  }) as JsonObject
}
