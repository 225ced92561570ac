import { randomUUID } from 'node:crypto'
import { DefaultAzureCredential } from '@azure/identity'

/** What every scenario starts from; all of it is what `holdfast region env` prints. */

export const credential = new DefaultAzureCredential()
export const subscription = '5f08d643-1910-4a38-a7c7-84a39d4f42e0'
export const group = 'conformance-js'
export const unique = (stem) => `${stem}${randomUUID().slice(0, 8)}`

/** The clouds' own description, as tools that know several clouds read it. */
const clouds = await (await fetch(process.env.ARM_CLOUD_METADATA_URL)).json()
const cloud = Array.isArray(clouds) ? clouds[0] : clouds
export const endpoint = cloud.resourceManager.replace(/\/$/, '')
export const suffixes = cloud.suffixes
export const arm = { endpoint, credentialScopes: ['https://management.azure.com/.default'] }

export async function collected(pages) {
  const all = []
  for await (const one of pages) all.push(one)
  return all
}

/** The code of the error that a call ends in. */
export async function refusal(call) {
  try {
    await call
  } catch (error) {
    return error.code ?? error.details?.errorCode ?? error.statusCode
  }
  return 'no error'
}

/** Asks again until the answer is yes; the runner's own limit ends it. */
export async function until(isSo) {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100))
}
