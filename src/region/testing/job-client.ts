import { settled, type TestRegion } from './test-region.ts'

const group = '/subscriptions/s/resourceGroups/rg'

/** A reference as commands and pipelines write it. */
export const ref = (name: string) => `\${{${name}}}`

type Properties = Record<string, unknown>

/** A workspace of a test region, and what a test does with jobs in it. */
export async function jobWorkspace(region: TestRegion, name = 'fraud') {
  const workspace = `${group}/providers/Microsoft.MachineLearningServices/workspaces/${name}`
  const { call } = region
  await settled(call, await call('PUT', workspace, { body: {} }))

  const put = async (path: string, properties: Properties, rest: Properties = {}) =>
    settled(call, await call('PUT', `${workspace}${path}`, { body: { ...rest, properties } }))
  const properties = async (path: string): Promise<Properties> => {
    const { body } = await call('GET', `${workspace}${path}`)
    return (body as { properties?: Properties }).properties ?? {}
  }
  const statusOf = async (job: string) => String((await properties(`/jobs/${job}`)).status)

  /** Waits for one of these states; a bounded number of looks, because a job that hangs is a failure. */
  async function reaches(job: string, ...states: readonly string[]): Promise<string> {
    let status = ''
    for (let looks = 0; looks < 1500; looks += 1) {
      status = await statusOf(job)
      if (states.includes(status)) return status
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error(`job ${job} is ${status}, not ${states.join(' or ')}`)
  }

  return {
    workspace,
    put,
    properties,
    statusOf,
    reaches,
    ended: (job: string) => reaches(job, 'Completed', 'Failed', 'Canceled'),
    /** Uploads files as an asset of a kind, and answers its id. */
    async upload(
      kind: 'codes' | 'models' | 'data',
      name: string,
      files: Readonly<Record<string, string>>,
    ): Promise<string> {
      const id = `${workspace}/${kind}/${name}/versions/1`
      const body = { pendingUploadType: 'TemporaryBlobReference' }
      const started = await call('POST', `${id}/startPendingUpload`, { body })
      const { blobReferenceForConsumption: place } = started.body as {
        blobReferenceForConsumption: { blobUri: string; credential: { sasUri: string } }
      }
      const [, sas] = place.credential.sasUri.split('?')
      for (const [path, content] of Object.entries(files)) {
        const { status } = await call('PUT', `${place.blobUri}/m/${path}?${sas}`, {
          token: null,
          body: content,
          headers: { 'x-ms-blob-type': 'BlockBlob' },
        })
        if (status !== 201) throw new Error(`the upload of ${path} answers ${status}`)
      }
      const uri = `${place.blobUri}/m`
      const properties = {
        codes: { codeUri: uri },
        models: { modelUri: uri },
        data: { dataUri: uri, dataType: 'uri_folder' },
      }
      await put(`/${kind}/${name}/versions/1`, properties[kind])
      return id
    },
    async artifact(job: string, path: string): Promise<string> {
      const address = `/history/v1.0${workspace}/runs/${job}/artifacts/content?path=${path}`
      const { status, body } = await call('GET', address)
      if (status !== 200) throw new Error(`${path} of ${job} answers ${status}`)
      return String(body)
    },
    async run(job: string): Promise<Properties> {
      const { body } = await call('GET', `/history/v1.0${workspace}/runs/${job}`)
      return body as Properties
    },
  }
}
export type JobWorkspace = Awaited<ReturnType<typeof jobWorkspace>>
