import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'

/** A field of an answer as an object; empty where the service sent none. */
export const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})
/** The same as a text. */
export const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
