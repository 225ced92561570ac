/** JSON values as they travel to and from a workspace; unknown fields are kept (design D1). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json | undefined
}
