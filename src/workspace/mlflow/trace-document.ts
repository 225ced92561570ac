import { digestJson } from '../../model/canonical.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'
import { present, splitTags, strings } from './object-origin.ts'
import { array, object, text } from './run-document.ts'

/** Tags that the server sets: where it keeps what belongs to the trace. */
export const locationTag = 'mlflow.artifactLocation'
export const spansTag = 'mlflow.trace.spansLocation'
const finalized = 'mlflow.trace.infoFinalized'
/** Metadata that names what may have another id at the other member. */
const runField = 'mlflow.sourceRun'
const modelField = 'mlflow.modelId'
const assessedRun = 'mlflow.assessment.sourceRunId'

export function summaryOf(info: JsonObject) {
  const { origin } = splitTags(strings(info.tags))
  return {
    id: { kind: 'trace', path: [text(info.trace_id)] } as ObjectId,
    body: {},
    isSummary: true,
    etag: digestJson(propertiesOf(info)),
    ...(origin === undefined ? {} : { origin }),
  }
}

/** Everything of a trace but its experiment, spans and files. */
export function propertiesOf(info: JsonObject): JsonObject {
  const { tags } = splitTags(strings(info.tags))
  const { [locationTag]: _, ...kept } = tags
  const {
    [runField]: runId,
    [modelField]: loggedModelId,
    [finalized]: __,
    ...metadata
  } = strings(info.trace_metadata)
  return present({
    requestTime: text(info.request_time),
    duration: text(info.execution_duration),
    state: text(info.state),
    requestPreview: text(info.request_preview),
    responsePreview: text(info.response_preview),
    clientRequestId: text(info.client_request_id),
    runId,
    loggedModelId,
    metadata,
    tags: kept,
    assessments: array(info.assessments)
      .map((one) => assessmentOf(object(one)))
      .sort(byId),
  })
}

/** The opposite of `propertiesOf`, in the words of the server. */
export function traceInfo(traceId: string, wanted: JsonObject): JsonObject {
  return {
    trace_id: traceId,
    ...present({
      request_time: wanted.requestTime,
      execution_duration: wanted.duration,
      state: wanted.state,
      request_preview: wanted.requestPreview,
      response_preview: wanted.responsePreview,
      client_request_id: wanted.clientRequestId,
    }),
    trace_metadata: {
      ...strings(wanted.metadata),
      ...present({ [runField]: text(wanted.runId), [modelField]: text(wanted.loggedModelId) }),
    },
    assessments: array(wanted.assessments).map((one) => theirAssessment(object(one))),
  }
}

function assessmentOf(assessment: JsonObject): JsonObject {
  const { [assessedRun]: runId, ...metadata } = strings(assessment.metadata)
  const { trace_id: _, metadata: __, ...kept } = assessment
  return { ...kept, metadata, ...(runId === undefined ? {} : { runId }) }
}

export function theirAssessment(assessment: JsonObject): JsonObject {
  const { runId, ...kept } = assessment
  if (runId === undefined) return kept
  return { ...kept, metadata: { ...object(kept.metadata), [assessedRun]: runId } }
}

function byId(a: JsonObject, b: JsonObject): number {
  return text(a.assessment_id) < text(b.assessment_id) ? -1 : 1
}

/** OpenTelemetry's JSON has the ids of spans in hex; those of links stay as Protobuf has them. */
export function otlpSpan(span: JsonObject): JsonObject {
  const { trace_id, span_id, parent_span_id, ...rest } = span
  return {
    ...rest,
    traceId: hex(trace_id),
    spanId: hex(span_id),
    ...(text(parent_span_id) === '' ? {} : { parentSpanId: hex(parent_span_id) }),
  }
}

function hex(base64: Json | undefined): string {
  return Buffer.from(text(base64), 'base64').toString('hex')
}
